import { cleanSoon } from './clean.ts';
import type { Workplace } from './workplace.ts';

/** How many reservations one round ends at most; the next round goes on. */
const ROUND = 500;

/**
 * Ends every reservation whose time is up, also one that never became active, and starts to clean its machines. Answers how
 * many it ended.
 */
export async function expireDue(place: Workplace, now: Date): Promise<number> {
  let ended = 0;
  for (const id of await place.store.tables.reservations.due(now, ROUND)) {
    const done = await place.store.transaction(async (tables) => {
      // The condition on the end is checked again here: somebody may have extended it since it was listed.
      const done = (await tables.reservations.expire(id, now)) || (await tables.reservations.expireUnprepared(id, now));
      if (!done) return false;
      await tables.allocations.startCleaning(id, now);
      await tables.audit.add({ at: now, actor: 'scheduler', action: 'reservation.expired', subject: id, details: {} });
      return true;
    });
    if (!done) continue;
    ended += 1;
    for (const allocation of await place.store.tables.allocations.ofReservation(id)) {
      if (allocation.state === 'cleaning') cleanSoon(place, allocation.id);
    }
  }
  return ended;
}
