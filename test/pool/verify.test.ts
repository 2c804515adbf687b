import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Leftover } from '#core/access/driver.ts';
import { withDatabase } from '#core/store/handle.ts';
import { databases } from '../support/databases.ts';
import { ADMIN, openTestPool, type TestPool, user } from '../support/test-pool.ts';

const FILES: Leftover = { kind: 'file', uid: 20_007, count: 3, name: null };

describe.each(databases)('a look through machines, on $name', ({ fresh }) => {
  let test: TestPool;
  let drop: () => Promise<void>;
  let database: Awaited<ReturnType<typeof fresh>>['database'];
  beforeEach(async () => {
    const opened = await fresh();
    database = opened.database;
    drop = opened.remove;
    test = await openTestPool(database);
  });
  afterEach(async () => {
    await test.close();
    await drop();
  });
  const alice = user('alice');
  const verify = (repair = false) => test.pool.verifyMachine(ADMIN, 'm1', repair);
  const state = async () => (await test.pool.getMachine('m1')).state;
  const accounts = (name = 'm1') => [...(test.driver.accounts.get(name)?.keys() ?? [])];
  const audit = async () =>
    (await test.pool.listAudit({ subject: 'm1', limit: 50 })).map(({ action, details }) => ({ action, details }));
  /** An account on m1, as if an allocation had left it there. */
  const plant = async (name: string, allocationId: string) => {
    await verify();
    test.driver.accounts.get('m1')?.set(name, { allocationId, uid: 20_100 });
  };

  it('finds nothing on a machine in order, also while it is lent', async () => {
    await test.addMachines(1);
    expect(await verify()).toMatchObject({ findings: [], repaired: [], loginKeys: 0 });
    await test.reserve(alice, 1);
    expect(await verify(true)).toMatchObject({ findings: [], repaired: [] });
    expect(accounts()).toEqual(['alice']);
    expect((await test.pool.getMachine('m1')).verifiedAt).toEqual(test.now());
    expect((await audit())[0]).toEqual({ action: 'machine.verified', details: {} });
  });

  it('keeps a machine with dirt from being lent, through probes and being enabled, until it is repaired', async () => {
    await test.addMachines(1);
    await plant('left', 'an-allocation-of-nobody');
    test.driver.leftovers.set('m1', [FILES]);
    const found = await verify();
    expect(found.findings).toEqual([
      { kind: 'unknown_account', words: 'account left (uid 20100) that this Berth does not know' },
      { kind: 'leftover', words: '3 files where everybody may write of an account that is gone (uid 20007)' },
    ]);
    expect(await state()).toBe('quarantined');
    await expect(test.reserve(alice, 1)).rejects.toMatchObject({ code: 'not_enough_machines' });
    test.pass(600);
    await test.settle();
    expect(await state()).toBe('quarantined');
    await test.pool.updateMachine(ADMIN, 'm1', { disabled: true }, test.now());
    await test.pool.updateMachine(ADMIN, 'm1', { disabled: false }, test.now());
    await test.settle();
    expect(await state()).toBe('quarantined');
    expect(await test.pool.getMachine('m1')).toMatchObject({
      reason: 'found on it: account left (uid 20100) that this Berth does not know, and 1 more',
      findings: found.findings,
    });
    expect((await test.pool.stock(test.now())).machinesWithFindings).toBe(1);

    expect(await verify(true)).toMatchObject({ findings: [], repaired: found.findings });
    await test.settle();
    expect(await state()).toBe('ready');
    expect(accounts()).toEqual([]);
    expect((await test.reserve(alice, 1)).state).toBe('active');
    expect((await audit()).find(({ action, details }) => action === 'machine.verified' && details['repaired'])).toEqual(
      {
        action: 'machine.verified',
        details: { repaired: found.findings.map(({ words }) => words) },
      },
    );
    expect((await test.pool.stock(test.now())).machinesWithFindings).toBe(0);
  });

  it('comes back by itself when somebody has cleaned it by hand', async () => {
    await test.addMachines(1);
    test.driver.leftovers.set('m1', [FILES]);
    await verify();
    test.driver.leftovers.clear();
    test.pass(3_601);
    await test.upkeep.verifyDueMachines(test.now());
    await test.settle();
    expect(await state()).toBe('ready');
  });

  it('never touches accounts that Berth did not make, nor those of open reservations', async () => {
    await test.addMachines(1);
    await test.reserve(alice, 1);
    test.driver.leftovers.set('m1', [FILES]);
    await expect(verify(true)).rejects.toMatchObject({ code: 'still_in_use' });
    expect(accounts()).toEqual(['alice']);
    expect(test.driver.leftovers.size).toBe(1);
    // Its borrower keeps it; it is cleaned as ever, and not lent again before it is repaired.
    expect(await state()).toBe('quarantined');
    const [reservation] = await test.pool.listReservations({});
    await test.pool.release(alice, reservation?.id ?? '', test.now());
    await test.settle();
    expect(accounts()).toEqual([]);
    await expect(test.reserve(alice, 1)).rejects.toMatchObject({ code: 'not_enough_machines' });
    await verify(true);
    await test.settle();
    expect(await state()).toBe('ready');
  });

  it('takes an account for its own that is made while it looks', async () => {
    await test.addMachines(1);
    let reserving: Promise<unknown> | null = null;
    test.driver.hook = async (verb, _machine, when) => {
      if (verb !== 'verify' || when !== 'before' || reserving) return;
      reserving = test.reserve(alice, 1);
      await reserving;
    };
    expect(await verify(true)).toMatchObject({ findings: [] });
    expect(accounts()).toEqual(['alice']);
    expect(await state()).toBe('ready');
  });

  it('makes an account again that is missing', async () => {
    await test.addMachines(1);
    await test.reserve(alice, 1);
    test.driver.accounts.get('m1')?.clear();
    expect(await verify()).toMatchObject({ findings: [{ kind: 'missing_account' }] });
    expect(await state(), 'it is not dirty').toBe('ready');
    expect(await verify(true)).toMatchObject({ findings: [], repaired: [{ kind: 'missing_account' }] });
    expect(accounts()).toEqual(['alice']);
  });

  it('sees that one machine is registered under two names', async () => {
    await test.addMachines(2);
    const { machines } = await test.reserve(alice, 1, { machines: ['m2'] });
    expect(machines[0]?.machine).toBe('m2');
    const account = test.driver.accounts.get('m2')?.get('alice');
    await plant('alice', account?.allocationId ?? '');
    expect(await verify()).toMatchObject({ findings: [{ kind: 'other_machines_account' }] });
    await verify(true);
    expect(accounts(), 'of an open reservation').toEqual(['alice']);
  });

  it('is for admins only, and says why a machine cannot be looked through', async () => {
    await test.addMachines(1);
    await expect(test.pool.verifyMachine(alice, 'm1', false)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(test.pool.verifyMachine(ADMIN, 'm9', false)).rejects.toMatchObject({ code: 'not_found' });
    test.driver.faults.set('m1', { code: 'unreachable' });
    await expect(verify()).rejects.toMatchObject({ code: 'unavailable', message: /could not be looked through/ });
  });

  it('is done in turn, each machine within a day, few at a time', async () => {
    await test.addMachines(9);
    const looks = () => test.driver.calls.filter(({ verb }) => verb === 'verify').map(({ machine }) => machine);
    const round = async () => {
      await Promise.all([test, test.another()].map((one) => one.upkeep.verifyDueMachines(test.now())));
      await test.place.background.idle();
    };
    test.pass(3_601);
    for (let n = 0; n < 12; n++) await round();
    expect([...looks()].sort(), 'once each, whoever looks').toEqual(Array.from({ length: 9 }, (_, n) => `m${n + 1}`));
    test.pass(24 * 3_600);
    const before = looks().length;
    await test.upkeep.verifyDueMachines(test.now());
    await test.place.background.idle();
    expect(looks().length - before).toBe(2);
  });

  it('tells what a removal did, also one that an older version has stored', async () => {
    await test.addMachines(1);
    const { id } = await test.reserve(alice, 1);
    test.driver.faults.set('m1', { verb: 'remove', code: 'still_dirty' });
    await test.pool.release(alice, id, test.now());
    await test.settle();
    expect((await test.pool.getReservation(alice, id)).machines[0]).toMatchObject({ state: 'cleaning', tries: 1 });
    expect(await test.pool.stock(test.now())).toMatchObject({ cleaningBacklog: 1, cleaningFailing: 1 });
    test.driver.faults.clear();
    test.pass(600);
    await test.settle();
    const ended = { startedAt: test.now(), endedAt: test.now(), tries: 2, checked: ['account'] };
    expect((await test.pool.getReservation(alice, id)).machines[0]?.removal).toMatchObject(ended);
    const old = JSON.stringify({ outcome: 'removed', uid: 20_001, processesEnded: 4, filesRemoved: 2 });
    await withDatabase(database, async (db) => {
      await sql`UPDATE allocations SET removal = ${old}`.execute(db);
    });
    expect((await test.pool.getReservation(alice, id)).machines[0]?.removal).toEqual({
      outcome: 'removed',
      uid: 20_001,
      processesEnded: 4,
      processesKilled: null,
      sessionsEnded: null,
      filesRemoved: 2,
      filesIn: null,
      checked: [],
      startedAt: null,
      endedAt: test.now(),
      tries: null,
    });
  });
});
