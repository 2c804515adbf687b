import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessFailure } from '#core/access/driver.ts';
import {
  AS_THE_ROLE,
  LIMIT_NAMES,
  type LimitName,
  type Limits,
  NO_LIMITS,
  type OwnLimits,
} from '#core/domain/limits.ts';
import { Refusal } from '#core/domain/refusal.ts';
import {
  ALLOCATION_MOVES,
  type AllocationState,
  RESERVATION_MOVES,
  type ReservationState,
} from '#core/domain/reservation.ts';
import { databases } from '../support/databases.ts';
import { ADMIN, openTestPool, type TestPool, user } from '../support/test-pool.ts';

/** What may happen to the pool, in any order. */
type Step =
  | { do: 'reserve'; who: number; count: number; minutes: number }
  | { do: 'extend' | 'release' | 'release one'; which: number; who: number }
  | { do: 'release all' }
  | { do: 'pass'; seconds: number }
  | { do: 'upkeep' }
  | { do: 'fault'; machine: number; verb: 'probe' | 'create' | 'remove' | undefined; code: AccessFailure }
  | { do: 'mend' }
  | { do: 'disable' | 'enable' | 'delete'; machine: number }
  | { do: 'die'; verb: 'create' | 'remove'; when: 'before' | 'after' }
  | { do: 'limit'; who: number; limit: LimitName; value: number | null | 'role' };

const MACHINES = 4;
const NAMES = ['alice', 'bob', 'carol'];

const machine = fc.nat(MACHINES - 1);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('reserve' as const),
        who: fc.nat(2),
        count: fc.integer({ min: 1, max: 3 }),
        minutes: fc.integer({ min: 1, max: 5 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom('extend' as const, 'release' as const, 'release one' as const),
        which: fc.nat(5),
        who: fc.nat(3),
      }),
    },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'release all' }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('pass' as const), seconds: fc.constantFrom(1, 20, 70, 400) }) },
    { weight: 4, arbitrary: fc.constant<Step>({ do: 'upkeep' }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('fault' as const),
        machine,
        verb: fc.constantFrom('probe' as const, 'create' as const, 'remove' as const, undefined),
        code: fc.constantFrom<AccessFailure[]>('unreachable', 'timed_out', 'disk_full', 'still_dirty', 'login_refused'),
      }),
    },
    { weight: 2, arbitrary: fc.constant<Step>({ do: 'mend' }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('disable' as const, 'enable' as const, 'delete' as const), machine }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('die' as const),
        verb: fc.constantFrom('create' as const, 'remove' as const),
        when: fc.constantFrom('before' as const, 'after' as const),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('limit' as const),
        who: fc.nat(2),
        limit: fc.constantFrom(...LIMIT_NAMES),
        value: fc.oneof(fc.nat(6), fc.constantFrom(null, 'role' as const)),
      }),
    },
  ),
  { minLength: 5, maxLength: 30 },
);

/** A pool under test, what was acknowledged, and the states that were seen before. */
interface Run {
  test: TestPool;
  acknowledged: Map<string, { count: number }>;
  seen: { reservations: Map<string, ReservationState>; allocations: Map<string, AllocationState> };
  /** Limits as they were set, of the role and of each user, and what was used of them before, by user or reservation. */
  limits: { role: Limits; own: Map<string, OwnLimits> };
  used: Map<string, number>;
}

async function apply(run: Run, step: Step): Promise<void> {
  const { test } = run;
  const now = test.now();
  const ids = [...run.acknowledged.keys()];
  try {
    switch (step.do) {
      case 'reserve': {
        const answer = await test.pool.reserve(
          user(NAMES[step.who] as string),
          { count: step.count, minutes: step.minutes, password: 'x' },
          now,
        );
        // A process that died in the middle never settles.
        const view = await Promise.race([answer.settled, test.place.background.idle().then(() => null)]);
        if (view) {
          expect(view.machines.filter((one) => one.state === 'active')).toHaveLength(step.count);
          run.acknowledged.set(view.id, { count: step.count });
        }
        return;
      }
      case 'extend':
      case 'release':
      case 'release one': {
        const id = ids[step.which % Math.max(1, ids.length)];
        if (!id) return;
        const actor = step.who === 3 ? ADMIN : user(NAMES[step.who] as string);
        if (step.do === 'extend') await test.pool.extend(actor, id, 2, now);
        else if (step.do === 'release') await test.pool.release(actor, id, now);
        else await test.pool.release(actor, id, now, `m${(step.which % MACHINES) + 1}`);
        return;
      }
      case 'release all':
        await test.pool.releaseAll(ADMIN, now);
        return;
      case 'pass':
        test.pass(step.seconds);
        return;
      case 'upkeep':
        await test.settle();
        return;
      case 'fault':
        test.driver.faults.set(
          `m${step.machine + 1}`,
          step.verb ? { verb: step.verb, code: step.code } : { code: step.code },
        );
        return;
      case 'mend':
        test.driver.faults.clear();
        return;
      case 'disable':
      case 'enable':
        await test.pool.updateMachine(ADMIN, `m${step.machine + 1}`, { disabled: step.do === 'disable' }, now);
        return;
      case 'delete':
        await test.pool.deleteMachine(ADMIN, `m${step.machine + 1}`, now);
        return;
      case 'limit': {
        const { limit, value } = step;
        // The third is the role.
        const name = NAMES[step.who] as string;
        if (step.who < 2) {
          await test.pool.limits.changeUser(ADMIN, name, { [limit]: value }, now);
          run.limits.own.set(name, { ...(run.limits.own.get(name) ?? AS_THE_ROLE), [limit]: value });
        } else {
          const ofRole = value === 'role' ? null : value;
          await test.pool.limits.changeRole(ADMIN, 'user', { [limit]: ofRole }, now);
          run.limits.role = { ...run.limits.role, [limit]: ofRole };
        }
        return;
      }
      case 'die': {
        await dieInside(run, step.verb, step.when);
        return;
      }
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
}

/** Another process begins a reservation, or its end, and stops for ever inside a call to a machine. */
async function dieInside(run: Run, verb: 'create' | 'remove', when: 'before' | 'after'): Promise<void> {
  const { test } = run;
  const dying = test.another();
  let reached = (): void => undefined;
  const inside = new Promise<void>((resolve) => {
    reached = resolve;
  });
  test.driver.hook = (called, _machine, at) => {
    if (called !== verb || at !== when) return;
    reached();
    return new Promise(() => undefined);
  };
  try {
    const { reservation, settled } = await dying.pool.reserve(
      user('dave'),
      { count: 1, minutes: 2, password: 'x' },
      test.now(),
    );
    const active = settled.then(
      () => dying.pool.release(user('dave'), reservation.id, test.now()),
      () => undefined,
    );
    await Promise.race([inside, active.then(() => dying.place.background.idle())]);
  } finally {
    test.driver.hook = null;
  }
}

/** The invariants of the pool, read from the database and the machines themselves. */
async function check(run: Run): Promise<void> {
  const { test, seen } = run;
  const { tables } = test.store;
  // Several reads are one picture only while nothing moves.
  await test.place.background.idle();
  expect(test.driver.doubled, 'no machine holds two accounts').toEqual([]);

  const open = await tables.allocations.open();
  const machineIds = open.map((one) => one.machineId);
  expect(new Set(machineIds).size, 'a machine is in at most one open allocation').toBe(machineIds.length);

  const openByMachine = new Map(open.map((one) => [one.machineName, one]));
  for (const [name, accounts] of test.driver.accounts) {
    for (const { allocationId } of accounts.values()) {
      expect(openByMachine.get(name)?.id, `the account on ${name} belongs to the open allocation of ${name}`).toBe(
        allocationId,
      );
    }
  }
  const { available } = await test.pool.available();
  for (const name of available) expect(test.driver.accounts.get(name)?.size ?? 0, `${name} is free and clean`).toBe(0);

  for (const reservation of await tables.reservations.byIds([...run.acknowledged.keys()])) {
    const before = seen.reservations.get(reservation.id);
    if (before && before !== reservation.state) {
      expect(reachable(RESERVATION_MOVES, before, reservation.state), `${before} to ${reservation.state}`).toBe(true);
    }
    seen.reservations.set(reservation.id, reservation.state);
    const machines = open.filter((one) => one.reservationId === reservation.id);
    if (reservation.state === 'active') {
      expect(
        machines.some((one) => one.state === 'active'),
        'an active reservation has a machine',
      ).toBe(true);
      for (const one of machines.filter((each) => each.state === 'active')) {
        expect(test.driver.accounts.get(one.machineName)?.get(reservation.accountName)?.allocationId).toBe(one.id);
      }
    }
    if (reservation.state === 'ended') expect(machines, 'an ended reservation holds nothing').toEqual([]);
  }
  for (const { id, state } of open) {
    const before = seen.allocations.get(id);
    if (before && before !== state)
      expect(reachable(ALLOCATION_MOVES, before, state), `${before} to ${state}`).toBe(true);
    seen.allocations.set(id, state);
  }
  await checkLimits(run);
}

/** Nobody gets beyond a limit; who is beyond one that was lowered later does not get further. */
async function checkLimits({ test, limits, used }: Run): Promise<void> {
  const { tables } = test.store;
  const now = test.now().getTime();
  const open = await tables.allocations.open();
  const reservations = await tables.reservations.byIds(await tables.reservations.running());
  const within = (what: string, limit: number | null, value: number): void => {
    if (limit !== null) expect(value, what).toBeLessThanOrEqual(Math.max(limit, used.get(what) ?? 0));
    used.set(what, value);
  };
  for (const name of ['alice', 'bob', 'dave']) {
    const own = limits.own.get(name) ?? AS_THE_ROLE;
    const limit = (of: LimitName): number | null => {
      const value = own[of];
      return value === 'role' ? limits.role[of] : value;
    };
    const held = reservations.filter(({ holder }) => holder === name);
    const machinesOf = (id: string): number =>
      open.filter((one) => one.reservationId === id && one.state !== 'cleaning').length;
    const sum = (values: number[]): number => values.reduce((all, value) => all + value, 0);
    within(`reservations of ${name}`, limit('reservations'), held.length);
    within(`machines of ${name}`, limit('machines'), sum(held.map(({ id }) => machinesOf(id))));
    const ahead = held.map(({ id, endsAt }) => machinesOf(id) * Math.max(0, endsAt.getTime() - now));
    within(`machine-minutes ahead of ${name}`, limit('machineMinutesAhead'), sum(ahead) / 60_000);
    for (const { id, startsAt, endsAt } of held) {
      within(`minutes of ${id}`, limit('minutes'), (endsAt.getTime() - startsAt.getTime()) / 60_000);
    }
  }
}

function reachable<S extends string>(moves: Readonly<Record<S, readonly S[]>>, from: S, to: S): boolean {
  return moves[from].some((next) => next === to || reachable(moves, next, to));
}

describe.each(databases)('whatever happens, on $name', ({ name, fresh }) => {
  it('every invariant holds after every step, and everything comes back', { timeout: 120_000 }, async () => {
    const { database, remove } = await fresh();
    const test = await openTestPool(database);
    try {
      await fc.assert(
        fc.asyncProperty(steps, async (sequence) => {
          await test.startAfresh(MACHINES);
          await test.pool.limits.changeRole(ADMIN, 'user', NO_LIMITS, test.now());
          for (const name of NAMES.slice(0, 2)) await test.pool.limits.changeUser(ADMIN, name, AS_THE_ROLE, test.now());
          const run: Run = {
            test,
            acknowledged: new Map(),
            seen: { reservations: new Map(), allocations: new Map() },
            limits: { role: NO_LIMITS, own: new Map() },
            used: new Map(),
          };
          for (const step of sequence) {
            await apply(run, step);
            await check(run);
          }
          test.driver.faults.clear();
          for (let i = 0; i < 6; i++) {
            test.pass(400);
            await test.settle();
            await check(run);
          }
          expect((await test.store.tables.allocations.open()).length, 'every machine came back').toBe(0);
          expect([...test.driver.accounts.values()].every((accounts) => accounts.size === 0)).toBe(true);
        }),
        {
          numRuns: name === 'SQLite' ? 60 : 25,
          seed: Number(process.env['BERTH_TEST_SEED'] ?? 20_261),
          endOnFailure: false,
        },
      );
    } finally {
      await test.close();
      await remove();
    }
  });
});
