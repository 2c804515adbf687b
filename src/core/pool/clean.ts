import { AccessError, reachable } from '#core/access/driver.ts';
import { pauseAfterFailures } from '#core/domain/machine.ts';
import { Refusal } from '#core/domain/refusal.ts';
import { noteFailure, noteSuccess } from './check-health.ts';
import type { StoredRemoval } from './removal.ts';
import { LEASE_MS, underLease, type Workplace } from './workplace.ts';

/** A cleaning that is to start as soon as there is room for it in this process. */
export function cleanSoon(place: Workplace, allocationId: string): void {
  place.closeTerminals?.(allocationId);
  place.background.start(`clean ${allocationId}`, async () => {
    try {
      await clean(place, allocationId);
    } catch (error) {
      // The row still says `cleaning`: the scheduler tries again.
      if (error instanceof Refusal) return;
      place.log.error({ err: error, allocation: allocationId }, 'cleaning broke off');
    }
  });
}

/**
 * Takes the account of an allocation away and proves it. Only then is the machine free again. Does nothing when somebody
 * else is at it, or it is not due. A machine that cannot be cleaned keeps its allocation, with the reason, and is tried
 * again with growing pauses.
 */
async function clean(place: Workplace, allocationId: string): Promise<void> {
  const { tables } = place.store;
  const now = place.clock();
  const leaseUntil = new Date(now.getTime() + LEASE_MS);
  if (!(await tables.allocations.takeLease(allocationId, place.workerId, now, leaseUntil))) return;
  const allocation = await tables.allocations.byId(allocationId);
  if (!allocation) return;
  const [reservation, [machine]] = await Promise.all([
    tables.reservations.byId(allocation.reservationId),
    tables.machines.byIds([allocation.machineId]),
  ]);
  if (!reservation || !machine) throw new Error(`allocation ${allocationId} has lost its reservation or machine`);

  try {
    const order = { allocationId, generation: allocation.generation, accountName: reservation.accountName };
    const report = await underLease(
      place,
      (until) => tables.allocations.renewLease(allocationId, place.workerId, until),
      async () => await place.driver.removeAccount(reachable(machine), order),
    );
    const cleanedAt = place.clock();
    const removal: StoredRemoval = {
      ...report,
      startedAt: now.toISOString(),
      endedAt: cleanedAt.toISOString(),
      tries: allocation.attempts + 1,
    };
    await place.store.transaction(async (inside) => {
      // Of two cleanings that end at the same moment, one must see the other's machine clean and end the reservation.
      await inside.reservations.touch(reservation.id);
      if (!(await inside.allocations.markCleaned(allocationId, removal, cleanedAt))) return;
      await inside.audit.add({
        at: cleanedAt,
        actor: 'scheduler',
        action: 'machine.cleaned',
        subject: machine.name,
        details: { reservation: reservation.id, account: reservation.accountName, ...removal },
      });
      if (await inside.reservations.endIfClean(reservation.id, cleanedAt)) {
        await inside.audit.add({
          at: cleanedAt,
          actor: 'scheduler',
          action: 'reservation.ended',
          subject: reservation.id,
          details: {},
        });
      }
    });
    await noteSuccess(place, machine, cleanedAt);
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    const failedAt = place.clock();
    const nextTryAt = new Date(failedAt.getTime() + pauseAfterFailures(allocation.attempts + 1));
    await tables.allocations.postponeCleaning(
      allocationId,
      place.workerId,
      `${error.message}. ${error.mend}`,
      nextTryAt,
    );
    await noteFailure(place, machine, error, failedAt);
    place.log.warn({ machine: machine.name, problem: error.code, nextTryAt }, 'machine could not be cleaned yet');
  }
}
