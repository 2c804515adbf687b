import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reachable } from '#core/access/driver.ts';
import { openStore } from '#core/store/store.ts';
import { databases } from '../support/databases.ts';
import { ADMIN, openTestPool, type TestPool, user } from '../support/test-pool.ts';

describe.each(databases)('the pool on $name', ({ fresh }) => {
  let test: TestPool;
  let drop: () => Promise<void>;
  beforeEach(async () => {
    const { database, remove } = await fresh();
    drop = remove;
    opened = database;
    test = await openTestPool(database);
  });
  afterEach(async () => {
    await test.close();
    await drop();
  });
  const alice = user('alice');
  const bob = user('bob');
  let opened: Parameters<typeof openStore>[0]['database'];

  /** As after a change of BERTH_SECRET_KEY that missed one machine. */
  async function closeWithAnotherKey(name: string): Promise<void> {
    const other = await openStore({
      database: opened,
      secretKey: Buffer.alloc(32, 8),
      connectRetries: 0,
      connectRetrySeconds: 0,
    });
    const machine = await other.tables.machines.byName(name);
    await other.tables.machines.update(machine?.id ?? '', { credential: { kind: 'password', password: 'x' } });
    await other.close();
  }

  it('lends machines, and takes them back proven clean when the time is up', async () => {
    await test.addMachines(3);
    const reservation = await test.reserve(alice, 2);
    expect(reservation.state).toBe('active');
    expect(reservation.machines).toHaveLength(2);
    for (const { machine } of reservation.machines)
      expect([...(test.driver.accounts.get(machine) ?? [])].length).toBe(1);
    expect((await test.pool.available()).available).toHaveLength(1);

    test.pass(60 * 60 - 1);
    await test.settle();
    expect((await test.pool.listReservations({}))[0]?.state).toBe('active');
    test.pass(1);
    await test.settle();
    const after = await test.pool.getReservation(alice, reservation.id);
    expect(after).toMatchObject({ state: 'ended', endReason: 'expired' });
    expect(after.machines.map((one) => one.removal?.outcome)).toEqual(['removed', 'removed']);
    expect((await test.pool.available()).available).toHaveLength(3);
    expect([...test.driver.accounts.values()].every((accounts) => accounts.size === 0)).toBe(true);
  });

  it('gives N or nothing', async () => {
    await test.addMachines(2);
    await expect(test.reserve(alice, 3)).rejects.toMatchObject({
      code: 'not_enough_machines',
      details: { asked: 3, free: 2 },
    });
    expect((await test.pool.available()).available).toHaveLength(2);
    expect(await test.pool.listReservations({})).toEqual([]);
    expect(test.driver.calls.filter((call) => call.verb === 'create')).toEqual([]);
  });

  it('keeps a machine that cannot be cleaned, says why, and lends it once it is', async () => {
    await test.addMachines(1);
    const { id } = await test.reserve(alice, 1);
    test.driver.faults.set('m1', { code: 'unreachable' });
    await test.pool.release(alice, id, test.now());
    await test.settle();
    expect((await test.pool.available()).cleaning).toEqual(['m1']);
    const stuck = await test.pool.getReservation(alice, id);
    expect(stuck.state).toBe('ending');
    expect(stuck.machines[0]?.problem).toContain('told to fail: unreachable');
    await expect(test.reserve(bob, 1)).rejects.toMatchObject({ code: 'not_enough_machines' });
    await expect(test.pool.deleteMachine(ADMIN, 'm1', test.now())).rejects.toMatchObject({ code: 'still_in_use' });

    test.driver.faults.clear();
    for (let i = 0; i < 3; i++) {
      test.pass(400);
      await test.settle();
    }
    expect((await test.pool.available()).available).toEqual(['m1']);
    expect((await test.pool.getReservation(alice, id)).state).toBe('ended');
  });

  it('swaps a machine that fails while it is prepared', async () => {
    await test.addMachines(3);
    test.driver.faults.set('m1', { verb: 'create', code: 'disk_full' });
    test.driver.faults.set('m2', { verb: 'create', code: 'disk_full' });
    const reservation = await test.reserve(alice, 1);
    expect(reservation.machines.filter((one) => one.state === 'active').map((one) => one.machine)).toEqual(['m3']);
    await test.settle();
    await expect(test.reserve(bob, 2)).rejects.toMatchObject({
      code: expect.stringMatching(/not_enough|preparation_failed/),
    });
    await test.settle();
    expect((await test.pool.available()).reserved).toEqual(['m3']);
  });

  it('fails as a whole when no machine is left to swap in, and gives all back', async () => {
    await test.addMachines(2);
    test.driver.faults.set('m2', { verb: 'create', code: 'timed_out' });
    await expect(test.reserve(alice, 2)).rejects.toMatchObject({
      code: 'preparation_failed',
      message: expect.stringContaining('m2 is told to fail'),
    });
    await test.settle();
    expect([...test.driver.accounts.values()].every((accounts) => accounts.size === 0)).toBe(true);
    expect(await test.pool.listReservations({})).toEqual([]);
    expect((await test.pool.available()).available).toContain('m1');
  });

  it('quarantines a machine with a changed host key until an admin accepts it', async () => {
    await test.addMachines(1);
    test.driver.faults.set('m1', { code: 'host_key_changed' });
    test.pass(120);
    await test.settle();
    const machine = await test.pool.getMachine('m1');
    expect(machine.state).toBe('quarantined');
    const offered = machine.offeredHostKeyFingerprint as string;
    test.driver.faults.clear();
    test.pass(3600);
    await test.settle();
    expect((await test.pool.getMachine('m1')).state).toBe('quarantined');
    await expect(test.pool.updateMachine(ADMIN, 'm1', { acceptHostKey: 'SHA256:x' }, test.now())).rejects.toMatchObject(
      { code: 'conflict' },
    );
    await test.pool.updateMachine(ADMIN, 'm1', { acceptHostKey: offered }, test.now());
    await test.settle();
    expect(await test.pool.getMachine('m1')).toMatchObject({ state: 'ready', hostKeyFingerprint: offered });
  });

  it('counts a machine as unreachable after three failures in a row, and takes it back by itself', async () => {
    await test.addMachines(1);
    test.driver.faults.set('m1', { code: 'unreachable' });
    const states: string[] = [];
    for (let i = 0; i < 3; i++) {
      test.pass(90);
      await test.settle();
      states.push((await test.pool.getMachine('m1')).state);
    }
    expect(states).toEqual(['checking', 'checking', 'unreachable']);
    test.driver.faults.clear();
    test.pass(400);
    await test.settle();
    expect((await test.pool.getMachine('m1')).state).toBe('ready');
  });

  it('extends, and an extended reservation does not expire at its old end', async () => {
    await test.addMachines(1);
    const { id, endsAt } = await test.reserve(alice, 1);
    const extended = await test.pool.extend(alice, id, 30, test.now());
    expect(extended.endsAt.getTime() - endsAt.getTime()).toBe(30 * 60_000);
    test.pass(60 * 60);
    await test.settle();
    expect((await test.pool.getReservation(alice, id)).state).toBe('active');
    await expect(test.pool.extend(alice, id, -31, test.now())).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(test.pool.extend(bob, id, 5, test.now())).rejects.toMatchObject({ code: 'not_found' });
    test.pass(30 * 60);
    await expect(test.pool.extend(alice, id, 5, test.now())).rejects.toMatchObject({ code: 'reservation_over' });
  });

  it('gives back one machine of several, and ends with the last', async () => {
    await test.addMachines(2);
    const { id } = await test.reserve(alice, 2);
    await test.pool.release(alice, id, test.now(), 'm1');
    await test.settle();
    expect((await test.pool.available()).available).toEqual(['m1']);
    expect((await test.pool.getReservation(alice, id)).state).toBe('active');
    await expect(test.pool.release(alice, id, test.now(), 'nope')).rejects.toMatchObject({ code: 'not_found' });
    await expect(test.pool.release(bob, id, test.now())).rejects.toMatchObject({ code: 'not_found' });
    await test.pool.release(alice, id, test.now(), 'm2');
    await test.settle();
    expect((await test.pool.getReservation(alice, id)).state).toBe('ended');
  });

  it('releases everything for an admin only', async () => {
    await test.addMachines(3);
    await test.reserve(alice, 1);
    await test.reserve(bob, 2);
    await expect(test.pool.releaseAll(alice, test.now())).rejects.toMatchObject({ code: 'forbidden' });
    expect(await test.pool.releaseAll(ADMIN, test.now())).toBe(2);
    await test.settle();
    expect((await test.pool.available()).available).toHaveLength(3);
  });

  it('answers a repeated request with the same reservation, and refuses another one under its key', async () => {
    await test.addMachines(3);
    const request = { count: 1, minutes: 10, password: 'test', idempotencyKey: 'k1' };
    const answers = await Promise.all([1, 2, 3].map(() => test.pool.reserve(alice, request, test.now())));
    expect(new Set(answers.map((answer) => answer.reservation.id)).size).toBe(1);
    await Promise.all(answers.map((answer) => answer.settled));
    expect((await test.pool.available()).available).toHaveLength(2);
    await expect(test.pool.reserve(alice, { ...request, count: 2 }, test.now())).rejects.toMatchObject({
      code: 'idempotency_key_reused',
    });
    const other = await test.pool.reserve(bob, request, test.now());
    expect(other.reservation.id).not.toBe(answers[0]?.reservation.id);
    await other.settled;
  });

  it('narrows to labels and names', async () => {
    await test.addMachines(2, ['gpu']);
    await test.addMachines(2, ['gpu_big', 'cpu']);
    const gpu = await test.reserve(alice, 2, { labels: ['gpu'] });
    expect(gpu.machines.map((one) => one.machine)).toEqual(['m1', 'm2']);
    await expect(test.reserve(alice, 1, { labels: ['gpu'] })).rejects.toMatchObject({ details: { asked: 1, free: 0 } });
    const named = await test.reserve(alice, 1, { machines: ['m4'] });
    expect(named.machines.map((one) => one.machine)).toEqual(['m4']);
    await expect(test.reserve(alice, 1, { machines: ['zzz'] })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('refuses account names that are not the own one, malformed, or of the system', async () => {
    await test.addMachines(1);
    await expect(test.reserve(alice, 1, { accountName: 'bob' })).rejects.toMatchObject({ code: 'forbidden' });
    for (const accountName of ['root', 'daemon', 'Bob', '-x', 'a b', '', '../etc', 'a\n', 'x'.repeat(33)]) {
      await expect(test.reserve(ADMIN, 1, { accountName })).rejects.toMatchObject({ code: 'account_name_refused' });
    }
    expect(test.driver.calls.filter((call) => call.verb === 'create')).toEqual([]);
  });

  it('never lends a disabled machine, and refuses to move one that is held', async () => {
    await test.addMachines(1);
    const { id } = await test.reserve(alice, 1);
    await expect(test.pool.updateMachine(ADMIN, 'm1', { host: '10.9.9.9' }, test.now())).rejects.toMatchObject({
      code: 'still_in_use',
    });
    await test.pool.updateMachine(ADMIN, 'm1', { disabled: true }, test.now());
    await test.pool.release(alice, id, test.now());
    await test.settle();
    expect(await test.pool.available()).toMatchObject({ available: [], unavailable: [{ name: 'm1' }] });
    await test.pool.updateMachine(ADMIN, 'm1', { disabled: false }, test.now());
    await test.settle();
    expect((await test.pool.available()).available).toEqual(['m1']);
    await test.pool.deleteMachine(ADMIN, 'm1', test.now());
    expect(await test.pool.listMachines()).toEqual([]);
  });

  it('says what a change changed, and one that changes nothing leaves the machine alone', async () => {
    await test.addMachines(1);
    const before = await test.pool.getMachine('m1');
    const credential = { kind: 'password', password: 'test' } as const;
    const same = { host: before.host, port: before.port, user: before.user, credential, labels: [], disabled: false };
    expect(await test.pool.updateMachine(ADMIN, 'm1', same, test.now())).toEqual({ ...before, changed: [] });
    expect(await test.pool.listAudit({ action: 'machine.updated', limit: 9 })).toEqual([]);
    const probes = () => test.driver.calls.filter(({ verb }) => verb === 'probe').length;
    const probed = probes();
    const other = { ...same, user: 'operator', credential: { ...credential, password: 'another' } };
    const after = await test.pool.updateMachine(ADMIN, 'm1', other, test.now());
    expect([...after.changed].sort()).toEqual(['credential', 'user']);
    expect(after.user).toBe('operator');
    await expect.poll(probes).toBe(probed + 1);
  });

  it('goes on with what a dead process left, wherever it died', async () => {
    await test.addMachines(2);
    const dying = test.another();
    test.driver.hook = (verb) => (verb === 'create' ? new Promise(() => undefined) : undefined);
    await dying.pool.reserve(alice, { count: 2, minutes: 5, password: 'test' }, test.now());
    await expect.poll(() => test.driver.calls.filter((call) => call.verb === 'create').length).toBe(2);
    test.driver.hook = null;
    await test.settle();
    expect((await test.pool.listReservations({}))[0]?.state).toBe('preparing');
    test.pass(16);
    await test.settle();
    expect((await test.pool.listReservations({}))[0]?.state).toBe('active');
  });

  it('a creation that comes too late cannot make the account after it was taken away', async () => {
    await test.addMachines(1);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    test.driver.hook = (verb, _machine, when) => (verb === 'create' && when === 'before' ? held : undefined);
    const { reservation, settled } = await test.pool.reserve(
      alice,
      { count: 1, minutes: 5, password: 'x' },
      test.now(),
    );
    await test.pool.release(alice, reservation.id, test.now());
    await expect.poll(async () => (await test.pool.available()).available).toEqual(['m1']);
    release();
    await expect(settled).rejects.toMatchObject({ code: 'reservation_over' });
    expect(test.driver.accounts.get('m1')?.size).toBe(0);
  });

  it('lends a machine that was deleted and registered again', async () => {
    await test.addMachines(1);
    for (let round = 0; round < 3; round++) {
      await test.reserve(ADMIN, 1);
      await test.pool.releaseAll(ADMIN, test.now());
      await test.settle();
    }
    const m1 = await test.store.tables.machines.byName('m1');
    if (!m1?.credential) throw new Error('m1 is gone');
    const { name, host, port, user: login, credential } = m1;
    await test.pool.deleteMachine(ADMIN, name, test.now());
    await test.pool.registerMachine(ADMIN, { name: 'again', host, port, user: login, credential }, test.now());
    await test.settle();
    expect((await test.reserve(ADMIN, 1)).machines.map((one) => one.machine)).toEqual(['again']);
  });

  it('a machine whose credential another key has sealed says so, and does not hold up the others', async () => {
    await test.addMachines(2);
    await closeWithAnotherKey('m1');
    test.pass(120);
    await test.settle();
    expect(await test.pool.getMachine('m1')).toMatchObject({
      state: 'checking',
      reason: expect.stringContaining('BERTH_SECRET_KEY'),
      mend: expect.stringContaining('BERTH_SECRET_KEYS_OLD'),
    });
    expect(await test.pool.getMachine('m2')).toMatchObject({ state: 'ready', reason: null });
    expect((await test.reserve(alice, 1)).machines.map((one) => one.machine)).toEqual(['m2']);
    // Its password given again makes it good.
    await test.pool.updateMachine(ADMIN, 'm1', { credential: { kind: 'password', password: 'again' } }, test.now());
    await test.settle();
    expect(await test.pool.getMachine('m1')).toMatchObject({ state: 'ready', reason: null });
  });

  it('keeps the hash of a reservation password no longer than the reservation', async () => {
    await test.addMachines(2);
    const hashOf = async (id: string) => (await test.store.tables.reservations.byId(id))?.passwordHash;
    const released = await test.reserve(alice, 1);
    const expired = await test.reserve(bob, 1);
    expect(await hashOf(released.id)).toMatch(/^\$6\$/);
    await test.pool.release(alice, released.id, test.now());
    test.pass(3_600);
    await test.settle();
    expect(await hashOf(released.id)).toBeNull();
    expect(await hashOf(expired.id)).toBeNull();
  });

  it('refuses a machine that somebody else has lent meanwhile, and learns from the next probe', async () => {
    await test.addMachines(1);
    const m1 = await test.store.tables.machines.byName('m1');
    if (!m1) throw new Error('m1 is gone');
    // Another Berth has ended a later generation on it.
    await test.driver.removeAccount(reachable(m1), { allocationId: 'other', generation: 50, accountName: 'other' });
    await expect(test.reserve(ADMIN, 1)).rejects.toMatchObject({ code: 'preparation_failed' });
    test.pass(10);
    await test.settle();
    await test.settle();
    expect((await test.reserve(ADMIN, 1)).state).toBe('active');
  });

  it('fails a reservation that never became active once its time is up, and gives all back', async () => {
    await test.addMachines(2);
    const held = test.another();
    let hanging = 0;
    held.driver.hook = (verb) => {
      if (verb !== 'create') return;
      hanging += 1;
      return new Promise(() => undefined);
    };
    const { reservation } = await held.pool.reserve(ADMIN, { count: 2, minutes: 1, password: 'test' }, test.now());
    expect(reservation.state).toBe('preparing');
    await expect.poll(() => hanging).toBe(2);
    held.driver.hook = null;
    test.pass(61);
    await test.upkeep.expireDue(test.now());
    await test.place.background.idle();
    expect((await test.pool.getReservation(ADMIN, reservation.id)).state).toBe('failed');
    expect((await test.pool.available()).available).toHaveLength(2);
  });

  it('lends nothing to a user who was disabled after the request was let in', async () => {
    await test.addMachines(1);
    const dave = user('dave');
    await test.store.tables.users.update(dave.id, { disabled: true });
    await expect(test.reserve(dave, 1)).rejects.toMatchObject({ code: 'unauthorized' });
    await test.store.tables.users.update(dave.id, { disabled: false });
    expect((await test.reserve(dave, 1)).state).toBe('active');
  });

  it('writes every change into the audit log, without secrets', async () => {
    await test.addMachines(1);
    const { id } = await test.reserve(alice, 1, { password: 'very-secret-word' });
    await test.pool.extend(alice, id, 5, test.now());
    await test.pool.updateMachine(
      ADMIN,
      'm1',
      { credential: { kind: 'password', password: 'other-secret' } },
      test.now(),
    );
    await test.pool.release(alice, id, test.now());
    await test.settle();
    const entries = await test.pool.listAudit({ limit: 100 });
    expect(entries.map((entry) => entry.action).reverse()).toEqual(
      expect.arrayContaining([
        'machine.registered',
        'machine.ready',
        'reservation.made',
        'reservation.active',
        'reservation.extended',
        'machine.updated',
        'reservation.released',
        'machine.cleaned',
        'reservation.ended',
      ]),
    );
    expect(JSON.stringify(entries)).not.toMatch(/secret/);
    const point = await test.pool.auditEnd();
    expect((await test.pool.auditSince(point)).entries).toEqual([]);
    await test.reserve(bob, 1);
    const news = await test.pool.auditSince(point);
    expect(news.entries.map((entry) => entry.action)).toContain('reservation.made');
  });
});
