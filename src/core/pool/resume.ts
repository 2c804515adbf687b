import { Refusal } from '#core/domain/refusal.ts';
import { checkSoon } from './check-health.ts';
import { cleanSoon } from './clean.ts';
import { prepare } from './prepare.ts';
import { LEASE_MS, type Workplace } from './workplace.ts';

const ROUND = 200;

/** Goes on with preparations whose worker died or was stopped. */
export async function resumePreparations(place: Workplace, now: Date): Promise<void> {
  const { reservations } = place.store.tables;
  for (const id of await reservations.stalled(now, ROUND)) {
    if (!(await reservations.takeLease(id, place.workerId, now, new Date(now.getTime() + LEASE_MS)))) continue;
    place.background.start(`prepare ${id}`, async () => {
      try {
        await prepare(place, id);
      } catch (error) {
        // A refusal is kept in the reservation itself; anything else leaves the row for the next round.
        if (!(error instanceof Refusal)) place.log.error({ err: error, reservation: id }, 'preparation broke off');
      }
    });
  }
}

/** Starts every cleaning that is due and in nobody's hands. */
export async function resumeCleanings(place: Workplace, now: Date): Promise<void> {
  for (const id of await place.store.tables.allocations.dueForCleaning(now, ROUND)) cleanSoon(place, id);
}

/** Starts every probe that is due. */
export async function checkDueMachines(place: Workplace, now: Date): Promise<void> {
  for (const machine of await place.store.tables.machines.dueForProbe(now, ROUND)) checkSoon(place, machine);
}
