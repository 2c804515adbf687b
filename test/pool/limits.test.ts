import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Limits, OwnLimits } from '#core/domain/limits.ts';
import type { Refusal } from '#core/domain/refusal.ts';
import type { Database } from '#core/store/dialect.ts';
import { databases } from '../support/databases.ts';
import { ADMIN, openTestPool, type TestPool, user } from '../support/test-pool.ts';

const ALICE = user('alice');
const BOB = user('bob');

describe.each(databases)('limits on $name', ({ fresh }) => {
  let test: TestPool;
  let database: Database;
  let remove: () => Promise<void>;
  beforeEach(async () => {
    ({ database, remove } = await fresh());
    test = await openTestPool(database);
    await test.addMachines(6);
  });
  afterEach(async () => {
    await test.close();
    await remove();
  });

  const ofAlice = (changes: Partial<OwnLimits>) => test.pool.limits.changeUser(ADMIN, ALICE.name, changes, test.now());
  const ofUsers = (changes: Partial<Limits>) => test.pool.limits.changeRole(ADMIN, 'user', changes, test.now());
  const refused = (work: Promise<unknown>): Promise<Refusal> =>
    work.then(
      () => expect.unreachable('it was not refused'),
      (error) => error,
    );
  const held = async () => (await test.pool.limits.of(ALICE, ALICE.name, test.now())).used;

  it('are none at first', async () => {
    const { limits, own, used } = await test.pool.limits.of(ALICE, 'alice', test.now());
    expect(limits).toEqual({ machines: null, reservations: null, minutes: null, machineMinutesAhead: null });
    expect(own).toEqual({ machines: 'role', reservations: 'role', minutes: 'role', machineMinutesAhead: 'role' });
    expect(used).toEqual({ machines: 0, reservations: 0, msAhead: 0 });
    await test.reserve(ALICE, 6);
  });

  it('of machines at once: refuse the one too many, and say which limit, what is used, and who can raise it', async () => {
    await ofUsers({ machines: 3 });
    await test.reserve(ALICE, 2);
    const refusal = await refused(test.reserve(ALICE, 2));
    expect(refusal.code).toBe('limit_reached');
    expect(refusal.message).toBe(
      'machines: you have 2 and this takes 2 more; you may have 3 at once; an admin can raise it: admin',
    );
    expect(refusal.details).toEqual({ limit: 'machines', allowed: 3, used: 2, asked: 2, admins: ['admin'] });
    await test.reserve(ALICE, 1);
    await test.reserve(BOB, 3);
    expect((await test.pool.available()).available).toEqual([]);
  });

  it('count what is in the hands of a user, not what is being cleaned or over', async () => {
    await ofUsers({ machines: 2, reservations: 1 });
    test.driver.faults.set('m1', { verb: 'remove', code: 'unreachable' });
    const { id } = await test.reserve(ALICE, 2, { machines: ['m1', 'm2'] });
    expect(await held()).toEqual({ machines: 2, reservations: 1, msAhead: 2 * 3_600_000 });
    await test.pool.release(ALICE, id, test.now(), 'm1');
    expect(await held()).toEqual({ machines: 1, reservations: 1, msAhead: 3_600_000 });
    await test.pool.release(ALICE, id, test.now());
    await test.settle();
    expect((await test.pool.available()).cleaning).toEqual(['m1']);
    expect(await held()).toEqual({ machines: 0, reservations: 0, msAhead: 0 });
    const again = await test.reserve(ALICE, 2);
    test.pass(3_601);
    expect((await held()).msAhead, 'what is overdue takes no time').toBe(0);
    await test.settle();
    expect((await test.pool.getReservation(ALICE, again.id)).state).not.toBe('active');
    await test.reserve(ALICE, 2);
  });

  it('of reservations at once, of minutes, and of machine-minutes ahead', async () => {
    await ofUsers({ reservations: 1 });
    await test.reserve(ALICE, 1);
    const second = await refused(test.reserve(ALICE, 1));
    expect(second.message).toBe('reservations: you have 1; you may have 1 at once; an admin can raise it: admin');
    expect(second.details).toMatchObject({ limit: 'reservations', allowed: 1, used: 1, asked: 1 });

    await ofUsers({ reservations: null, minutes: 60 });
    const long = await refused(test.reserve(ALICE, 1, { minutes: 61 }));
    expect(long.message).toContain('minutes: the reservation would last 61; you may have 60 per reservation');
    expect(long.details).toMatchObject({ limit: 'minutes', allowed: 60, used: null, asked: 61 });

    await ofUsers({ minutes: null, machineMinutesAhead: 150 });
    test.pass(30);
    const many = await refused(test.reserve(ALICE, 2, { minutes: 46 }));
    expect(many.details).toMatchObject({ limit: 'machine_minutes_ahead', allowed: 150, used: 60, asked: 92 });
    // 59.5 are left of the first one.
    await test.reserve(ALICE, 2, { minutes: 45 });
  });

  it('hold for extensions as well, of the holder, also when an admin asks', async () => {
    await ofUsers({ minutes: 90, machineMinutesAhead: 200 });
    const { id } = await test.reserve(ALICE, 2);
    test.pass(1_800);
    const extend = (actor: typeof ADMIN, minutes: number) => test.pool.extend(actor, id, minutes, test.now());
    const whole = await refused(extend(ALICE, 31));
    expect(whole.details, 'from the start on').toMatchObject({ limit: 'minutes', allowed: 90, used: null, asked: 91 });
    const byAdmin = await refused(extend(ADMIN, 31));
    expect(byAdmin.message).toContain('alice may have 90 per reservation');
    await extend(ALICE, 30);
    await ofUsers({ minutes: null });
    const ahead = await refused(extend(ALICE, 41));
    expect(ahead.details).toMatchObject({ limit: 'machine_minutes_ahead', allowed: 200, used: 120, asked: 82 });
    await extend(ALICE, 40);
  });

  it('a value of the user stands before that of the role; "no limit" is one as well', async () => {
    await ofUsers({ machines: 1, minutes: 10 });
    await ofAlice({ machines: 2 });
    expect((await test.pool.limits.of(ADMIN, 'alice', test.now())).limits).toMatchObject({ machines: 2, minutes: 10 });
    await test.reserve(ALICE, 2, { minutes: 10 });
    await ofAlice({ machines: null });
    expect((await test.pool.limits.of(ALICE, 'alice', test.now())).own).toMatchObject({
      machines: null,
      minutes: 'role',
    });
    await test.reserve(ALICE, 2, { minutes: 10 });
    await ofAlice({ machines: 'role' });
    expect((await refused(test.reserve(ALICE, 1, { minutes: 10 }))).details).toMatchObject({ allowed: 1, used: 4 });
    await ofAlice({ machines: 0 });
    expect((await refused(test.reserve(ALICE, 1, { minutes: 10 }))).details).toMatchObject({ allowed: 0, used: 4 });
    await test.reserve(BOB, 1, { minutes: 10 });
    expect((await test.pool.limits.of(ADMIN, 'admin', test.now())).limits.machines, 'admins have their own').toBe(null);
  });

  it('lowered below the use, end nothing, let it be made less, and allow nothing new', async () => {
    const { id } = await test.reserve(ALICE, 3);
    await ofUsers({ machines: 1, reservations: 0, minutes: 5, machineMinutesAhead: 5 });
    await test.settle();
    expect((await test.pool.getReservation(ALICE, id)).machines.map((one) => one.state)).toEqual(
      Array.from({ length: 3 }, () => 'active'),
    );
    expect((await refused(test.reserve(ALICE, 1, { minutes: 1 }))).code).toBe('limit_reached');
    expect((await refused(test.pool.extend(ALICE, id, 1, test.now()))).code).toBe('limit_reached');
    await test.pool.extend(ALICE, id, -10, test.now());
    expect((await held()).msAhead).toBe(3 * 50 * 60_000);
  });

  it('a request that is repeated gets its reservation again, also when the limit is reached', async () => {
    await ofUsers({ machines: 1 });
    const request = { count: 1, minutes: 60, password: 'test', idempotencyKey: 'one' };
    const answers = await Promise.all(Array.from({ length: 4 }, () => test.pool.reserve(ALICE, request, test.now())));
    expect(new Set(answers.map(({ reservation }) => reservation.id)).size).toBe(1);
    await Promise.all(answers.map(({ settled }) => settled));
  });

  it('are changed by admins only, with what was before and after in the audit log', async () => {
    expect((await refused(test.pool.limits.changeRole(ALICE, 'user', { machines: 9 }, test.now()))).code).toBe(
      'forbidden',
    );
    expect((await refused(test.pool.limits.changeUser(ALICE, 'alice', { machines: 9 }, test.now()))).code).toBe(
      'forbidden',
    );
    expect((await refused(test.pool.limits.of(ALICE, 'bob', test.now()))).code).toBe('forbidden');
    expect((await refused(test.pool.limits.changeUser(ADMIN, 'nobody', { machines: 9 }, test.now()))).code).toBe(
      'not_found',
    );
    await ofUsers({ machines: 3 });
    await ofAlice({ machineMinutesAhead: null, minutes: 30 });
    const entries = await test.pool.listAudit({ action: 'limits.changed', limit: 10 });
    const none = { machines: null, reservations: null, minutes: null, machine_minutes_ahead: null };
    const role = { machines: 'role', reservations: 'role', minutes: 'role', machine_minutes_ahead: 'role' };
    expect(entries.map(({ actor, subject, details }) => ({ actor, subject, details }))).toEqual([
      {
        actor: 'admin',
        subject: 'alice',
        details: { before: role, after: { ...role, machine_minutes_ahead: null, minutes: 30 } },
      },
      { actor: 'admin', subject: 'role:user', details: { before: none, after: { ...none, machines: 3 } } },
    ]);
  });

  it('32 requests of one user at once, in several processes, never get more than the limit', {
    timeout: 60_000,
  }, async () => {
    await ofUsers({ machines: 3 });
    // On SQLite a second connection in one process would wait for the first without end.
    const sqlite = database.dialect === 'sqlite';
    const others = await Promise.all(
      [1, 2].map(async () => (sqlite ? test.another() : await openTestPool(database, test.driver))),
    );
    const pools = [test, ...others];
    try {
      for (let round = 0; round < 3; round++) {
        const outcomes = await Promise.allSettled(
          Array.from({ length: 32 }, async (_, i) => {
            const { pool } = pools[i % pools.length] as TestPool;
            return await (await pool.reserve(ALICE, { count: 1, minutes: 60, password: 'x' }, test.now())).settled;
          }),
        );
        const won = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value.id] : []));
        const codes = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.code ?? one.reason] : []));
        expect(new Set(codes)).toEqual(new Set(['limit_reached']));
        expect(won).toHaveLength(3);
        expect(await held()).toMatchObject({ machines: 3, reservations: 3 });

        // Extensions meet them, and one another, as well.
        await ofUsers({ machineMinutesAhead: 200 });
        const extended = await Promise.allSettled(
          Array.from({ length: 12 }, async (_, i) => {
            const { pool } = pools[i % pools.length] as TestPool;
            return await pool.extend(ALICE, won[i % 3] as string, 8, test.now());
          }),
        );
        const why = extended.flatMap((one) => (one.status === 'rejected' ? [one.reason.code ?? one.reason] : []));
        expect(['conflict', 'limit_reached']).toEqual(expect.arrayContaining([...new Set(why)]));
        expect((await held()).msAhead).toBeLessThanOrEqual(200 * 60_000);
        await ofUsers({ machineMinutesAhead: null });

        for (const id of won) await test.pool.release(ALICE, id, test.now());
        for (const { place } of pools) await place.background.idle();
        await test.settle();
      }
    } finally {
      for (const one of others) await one.close();
    }
  });
});
