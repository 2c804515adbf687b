import { setTimeout as sleep } from 'node:timers/promises';
import { type Actor, by, isAdmin } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { EndReason } from '#core/domain/reservation.ts';
import type { Tables } from '#core/store/store.ts';
import { cleanSoon } from './clean.ts';
import type { ReservationView } from './pool.ts';
import { loadReservation, mayTouch } from './show-reservations.ts';
import type { Workplace } from './workplace.ts';

/** See Pool.release. */
export async function release(
  place: Workplace,
  actor: Actor,
  id: string,
  now: Date,
  machine?: string,
): Promise<ReservationView> {
  const before = mayTouch(actor, id, await place.store.tables.reservations.byId(id));
  const reason: EndReason = actor.kind === 'user' && actor.id === before.userId ? 'released' : 'released_by_admin';
  await place.store.transaction(async (tables) => {
    if (machine !== undefined && (await releaseOne(tables, actor, id, machine, now))) return;
    await end(tables, actor, id, reason, now);
  });
  await cleanAllOf(place, id);
  return await loadReservation(place.store.tables, id);
}

/** See Pool.releaseAll. */
export async function releaseAll(place: Workplace, actor: Actor, now: Date): Promise<number> {
  if (!isAdmin(actor)) throw new Refusal('forbidden', 'only an admin can release everything');
  return await endEach(place, actor, await place.store.tables.reservations.running(), 'released_by_admin', now);
}

/** See Pool.endAllOf. */
export async function endAllOf(place: Workplace, actor: Actor, username: string, now: Date): Promise<number> {
  return await endEach(place, actor, await place.store.tables.reservations.running(username), 'user_removed', now);
}

/** See Pool.releaseAllOf. */
export async function releaseAllOf(
  place: Workplace,
  actor: Actor,
  username: string,
  now: Date,
  waitMs: number,
): Promise<void> {
  const { tables } = place.store;
  await endAllOf(place, actor, username, now);
  const giveUpAt = place.clock().getTime() + waitMs;
  for (;;) {
    const open = await tables.allocations.open(username);
    if (open.length === 0) return;
    if (place.clock().getTime() >= giveUpAt) {
      const names = open.map((one) => one.machineName);
      throw new Refusal(
        'still_in_use',
        `${username}: accounts could not be removed yet from ${names.slice(0, 10).join(', ')}; Berth keeps trying, so ask again later`,
        { machines: names },
      );
    }
    await sleep(50);
  }
}

async function endEach(
  place: Workplace,
  actor: Actor,
  ids: readonly string[],
  reason: EndReason,
  now: Date,
): Promise<number> {
  let ended = 0;
  for (const id of ids) {
    if (await place.store.transaction((tables) => end(tables, actor, id, reason, now))) ended += 1;
    await cleanAllOf(place, id);
  }
  return ended;
}

/** Ends a reservation that is preparing or active; false when it was over already. */
async function end(tables: Tables, actor: Actor, id: string, reason: EndReason, now: Date): Promise<boolean> {
  const before = (await tables.reservations.move(id, 'active', 'ending', { endReason: reason }))
    ? 'active'
    : (await tables.reservations.move(id, 'preparing', 'failed', { endedAt: now, endReason: reason }))
      ? 'preparing'
      : null;
  if (before === null) return false;
  await tables.allocations.startCleaning(id, now);
  await tables.audit.add({
    at: now,
    ...by(actor),
    action: 'reservation.released',
    subject: id,
    details: { before, reason },
  });
  return true;
}

/** Gives back one machine of several; false when it is the last one, so that the reservation itself is to end. */
async function releaseOne(tables: Tables, actor: Actor, id: string, machine: string, now: Date): Promise<boolean> {
  // The update of the reservation's row keeps two of these from each seeing the other's machine as the remaining one.
  await tables.reservations.touch(id);
  const reservation = await tables.reservations.byId(id);
  const allocations = await tables.allocations.ofReservation(id);
  const found = allocations.find((one) => one.machineName === machine && one.state !== 'cleaned');
  if (!found) {
    if (allocations.some((one) => one.machineName === machine)) return true;
    throw new Refusal('not_found', `machine: this reservation has no machine named ${machine}`);
  }
  if (reservation?.state === 'preparing') {
    throw new Refusal(
      'conflict',
      'reservation: it is still being prepared; release all of it, or wait until it is active',
    );
  }
  if (found.state !== 'active') return true;
  if (!allocations.some((one) => one.state === 'active' && one.id !== found.id)) return false;
  await tables.allocations.startCleaning(id, now, found.id);
  await tables.audit.add({
    at: now,
    ...by(actor),
    action: 'reservation.machine_released',
    subject: id,
    details: { machine },
  });
  return true;
}

async function cleanAllOf(place: Workplace, id: string): Promise<void> {
  for (const allocation of await place.store.tables.allocations.ofReservation(id)) {
    if (allocation.state === 'cleaning') cleanSoon(place, allocation.id);
  }
}
