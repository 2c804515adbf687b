import type { Store } from '#core/store/store.ts';
import type { Availability, Stock } from './pool.ts';

/** See Pool.available. */
export async function available(store: Store): Promise<Availability> {
  const answer: Availability = { available: [], reserved: [], cleaning: [], unavailable: [] };
  for (const { name, state, reason, held } of await store.tables.machines.standings()) {
    if (held === 'cleaning') answer.cleaning.push(name);
    else if (held !== null) answer.reserved.push(name);
    else if (state === 'ready') answer.available.push(name);
    else answer.unavailable.push({ name, reason: reason ?? (state === 'checking' ? 'being checked' : state) });
  }
  return answer;
}

/** See Pool.stock. */
export async function stock(store: Store, now: Date): Promise<Stock> {
  const { machines, allocations, reservations, auditChain } = store.tables;
  const [byMachineState, byReservationState, machinesHeld, backlog, unsealed, machinesWithFindings] = await Promise.all(
    [
      machines.countByState(),
      reservations.countByState(),
      allocations.countOpen(),
      allocations.cleaningBacklog(),
      auditChain.oldestUnsealed('near', now),
      machines.countWithFindings(),
    ],
  );
  const machinesByState = { checking: 0, ready: 0, unreachable: 0, quarantined: 0, disabled: 0 };
  for (const { state, n } of byMachineState) machinesByState[state] = n;
  const reservationsByState = { preparing: 0, active: 0, ending: 0 };
  for (const { state, n } of byReservationState) {
    if (state === 'preparing' || state === 'active' || state === 'ending') reservationsByState[state] = n;
  }
  return {
    machinesByState,
    reservationsByState,
    machinesHeld,
    machinesWithFindings,
    cleaningBacklog: backlog.n,
    cleaningFailing: backlog.failing,
    oldestCleaningSeconds: secondsSince(backlog.oldest, now),
    oldestUnsealedSeconds: secondsSince(unsealed, now),
  };
}

function secondsSince(at: Date | null | undefined, now: Date): number {
  return at ? Math.max(0, (now.getTime() - at.getTime()) / 1000) : 0;
}
