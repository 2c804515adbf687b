import { setTimeout as sleep } from 'node:timers/promises';
import { AccessError, type AccountOrder, reachable } from '#core/access/driver.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { Allocation, PlacedAllocation } from '#core/store/allocations.ts';
import type { Reservation } from '#core/store/reservations.ts';
import { noteFailure } from './check-health.ts';
import { claimMachines, withoutLosingRaces } from './claim.ts';
import { cleanSoon } from './clean.ts';
import type { ReservationView } from './pool.ts';
import { loadReservation } from './show-reservations.ts';
import { underLease, type Workplace } from './workplace.ts';

/** No machine is swapped for another after this long: then the reservation fails, so that the caller hears in bounded time. */
const PATIENCE_MS = 60_000;

/**
 * Makes the accounts of a reservation whose lease this process holds, all machines side by side, and sets it active.
 * A machine that fails is set to be cleaned and swapped for another free one; when none is left, the reservation fails as a
 * whole and everything is given back. Safe to repeat after a crash at any point.
 * @throws Refusal `preparation_failed`, `not_enough_machines`, or `reservation_over` when it was ended meanwhile.
 */
export async function prepare(place: Workplace, id: string): Promise<ReservationView> {
  const { reservations } = place.store.tables;
  const work = underLease(
    place,
    (until) => reservations.renewLease(id, place.workerId, until),
    () => prepareAll(place, id),
  );
  place.background.track(work);
  return await work;
}

async function prepareAll(place: Workplace, id: string): Promise<ReservationView> {
  const reservation = await place.store.tables.reservations.byId(id);
  if (!reservation) throw new Refusal('not_found', `reservation: there is no reservation ${id}`);
  if (reservation.state !== 'preparing') return await settlement(place, id);
  const giveUpAt = place.clock().getTime() + PATIENCE_MS;

  const allocations = await place.store.tables.allocations.ofReservation(id);
  const problems: string[] = [];
  const results = await Promise.allSettled(
    allocations
      .filter((one) => one.state === 'preparing' && one.preparedAt === null)
      .map((one) => prepareOne(place, reservation, one, giveUpAt, problems)),
  );
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) {
    if (failed.reason instanceof Refusal && failed.reason.code === 'preparation_failed') {
      await fail(place, reservation, problems);
      throw noneLeft(problems);
    }
    throw failed.reason;
  }
  return await activate(place, reservation);
}

/** Makes one account, on this machine or, if it fails, on another one. */
async function prepareOne(
  place: Workplace,
  reservation: Reservation,
  allocation: PlacedAllocation,
  giveUpAt: number,
  problems: string[],
): Promise<void> {
  for (let current: PlacedAllocation = allocation; ; ) {
    const [machine] = await place.store.tables.machines.byIds([current.machineId]);
    if (!machine) throw new Error(`machine ${current.machineName} of an open allocation is gone`);
    try {
      const account = await place.driver.createAccount(reachable(machine), orderFor(reservation, current));
      const kept = await place.store.tables.allocations.markPrepared(current.id, account.uid, place.clock());
      if (!kept) throw over(reservation.id);
      return;
    } catch (error) {
      if (!(error instanceof AccessError)) throw error;
      problems.push(error.message);
      place.log.warn(
        { machine: machine.name, reservation: reservation.id, problem: error.code },
        'machine failed while it was prepared',
      );
      if (error.code === 'fenced_off') {
        const row = await place.store.tables.allocations.byId(current.id);
        // Usually it was ended meanwhile. If not, the machine was lent by somebody else, and the next probe finds out.
        if (row?.state !== 'preparing') throw over(reservation.id);
      }
      // An account of somebody else is no fault of the machine.
      if (error.code !== 'account_exists') await noteFailure(place, machine, error, place.clock());
      current = await swap(place, reservation, current, error, giveUpAt);
    }
  }
}

/** Gives a failed machine to be cleaned and claims another one instead. */
async function swap(
  place: Workplace,
  reservation: Reservation,
  failed: PlacedAllocation,
  reason: AccessError,
  giveUpAt: number,
): Promise<PlacedAllocation> {
  const now = place.clock();
  if (now.getTime() > giveUpAt) throw noneLeft();
  try {
    const id = await withoutLosingRaces(place, async (tables) => {
      // The condition on the state keeps a reservation that was ended meanwhile from getting a machine.
      const moved = await tables.allocations.startCleaning(reservation.id, now, failed.id);
      if (moved === 0) throw over(reservation.id);
      const [replacement] = await claimMachines(tables, reservation.id, 1, reservation.wanted, place.clock);
      await tables.audit.add({
        at: now,
        actor: 'scheduler',
        action: 'reservation.machine_swapped',
        subject: reservation.id,
        details: { machine: failed.machineName, reason: reason.message },
      });
      return replacement as string;
    });
    cleanSoon(place, failed.id);
    const allocations = await place.store.tables.allocations.ofReservation(reservation.id);
    return allocations.find((one) => one.id === id) as PlacedAllocation;
  } catch (error) {
    if (error instanceof Refusal && error.code === 'not_enough_machines') throw noneLeft();
    throw error;
  }
}

async function activate(place: Workplace, reservation: Reservation): Promise<ReservationView> {
  const done = await place.store.transaction(async (tables) => {
    if (!(await tables.reservations.move(reservation.id, 'preparing', 'active'))) return false;
    const active = await tables.allocations.activate(reservation.id);
    if (active !== reservation.machineCount) {
      throw new Error(
        `reservation ${reservation.id} has ${active} prepared machines instead of ${reservation.machineCount}`,
      );
    }
    await tables.audit.add({
      at: place.clock(),
      actor: 'scheduler',
      action: 'reservation.active',
      subject: reservation.id,
      details: {},
    });
    return true;
  });
  return done ? await loadReservation(place.store.tables, reservation.id) : await settlement(place, reservation.id);
}

async function fail(place: Workplace, reservation: Reservation, problems: readonly string[]): Promise<void> {
  const now = place.clock();
  const allocations = await place.store.tables.allocations.ofReservation(reservation.id);
  await place.store.transaction(async (tables) => {
    const ended = { endedAt: now, endReason: 'preparation_failed' } as const;
    if (!(await tables.reservations.move(reservation.id, 'preparing', 'failed', ended))) return;
    await tables.allocations.startCleaning(reservation.id, now);
    await tables.audit.add({
      at: now,
      actor: 'scheduler',
      action: 'reservation.failed',
      subject: reservation.id,
      details: { problems: problems.slice(0, 20) },
    });
  });
  for (const allocation of allocations) cleanSoon(place, allocation.id);
}

/**
 * Waits until a reservation is not `preparing` any more, whoever works on it.
 * @throws Refusal `preparation_failed` or `reservation_over`.
 */
export function settlement(place: Workplace, id: string): Promise<ReservationView> {
  const awaited = settlements.get(place) ?? new Map<string, Promise<ReservationView>>();
  settlements.set(place, awaited);
  let settled = awaited.get(id);
  if (!settled) {
    settled = untilSettled(place, id).finally(() => awaited.delete(id));
    awaited.set(id, settled);
  }
  return settled;
}

/** All who wait for the same reservation in one process share one look at it. */
const settlements = new WeakMap<Workplace, Map<string, Promise<ReservationView>>>();

async function untilSettled(place: Workplace, id: string): Promise<ReservationView> {
  for (;;) {
    const view = await loadReservation(place.store.tables, id);
    if (view.state === 'active') return view;
    if (view.state !== 'preparing') {
      throw view.endReason === 'preparation_failed' ? noneLeft() : over(id);
    }
    if (place.background.closing)
      throw new Refusal('unavailable', 'Berth is shutting down; the reservation is finished by another process');
    await sleep(100);
  }
}

/** The account that an allocation stands for. */
export function orderFor(reservation: Reservation, allocation: Allocation): AccountOrder {
  return {
    allocationId: allocation.id,
    generation: allocation.generation,
    accountName: reservation.accountName,
    passwordHash: reservation.passwordHash,
    authorizedKeys: reservation.authorizedKeys,
  };
}

function noneLeft(problems: readonly string[] = []): Refusal {
  const why = problems.length > 0 ? ` (${problems.slice(0, 3).join('; ')})` : '';
  return new Refusal('preparation_failed', `not enough machines could be prepared, so nothing was reserved${why}`);
}

function over(id: string): Refusal {
  return new Refusal('reservation_over', `reservation ${id} was ended before its machines were ready`);
}
