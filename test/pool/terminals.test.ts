import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AccessError } from '#core/access/driver.ts';
import type { TicketCaller } from '#core/pool/terminals.ts';
import { databases } from '../support/databases.ts';
import type { FakeShell } from '../support/fake-shells.ts';
import { ADMIN, openTestPool, type TestPool, user } from '../support/test-pool.ts';
import { type TestViewer, testViewer } from '../support/test-viewer.ts';

const caller = (name: string): TicketCaller => ({ ...user(name), sessionId: null, tokenVersion: 0 });
const alice = caller('alice');
const SIZE = { columns: 80, rows: 24 };

describe.each(databases)('terminals on $name', ({ fresh }) => {
  let pool: TestPool;
  let other: TestPool;
  let remove: () => Promise<void>;
  beforeAll(async () => {
    const database = await fresh();
    remove = database.remove;
    pool = await openTestPool(database.database);
    other = pool.another();
  });
  afterAll(async () => {
    await other.close();
    await pool.close();
    await remove();
  });

  let id: string;
  let machine: string;
  beforeEach(async () => {
    await pool.startAfresh(3);
    for (const one of [pool, other]) {
      one.shells.opened.length = 0;
      one.shells.before = null;
      one.stillSignedIn = async () => true;
    }
    const reservation = await pool.reserve(alice, 1);
    id = reservation.id;
    machine = reservation.machines[0]?.machine as string;
  });

  const ticket = async (by = alice, of = id, on = machine, from = pool) =>
    (await from.terminals.issueTicket(by, of, on, pool.now())).ticket;
  const open = async (viewer: TestViewer, { on = pool, given = '', resume = null as string | null } = {}) =>
    on.terminals.open({ ticket: given || (await ticket()), size: SIZE, resume }, viewer, pool.now());
  const last = (on = pool): FakeShell => on.shells.opened.at(-1) as FakeShell;
  const audit = async (action: string) =>
    (await pool.store.tables.audit.list({ subject: id, action, limit: 100 })).map(({ details }) => details);

  it('a shell is the account of the allocation, of the size of the terminal', async () => {
    const viewer = testViewer();
    const handle = await open(viewer);
    expect(last()).toMatchObject({ machine, order: { accountName: 'alice', size: SIZE } });
    expect(viewer.shells).toEqual([{ id: expect.any(String), resumed: false }]);
    last().output(Buffer.from('hello'));
    handle.input(Buffer.from('ls\n'));
    handle.resize({ columns: 100, rows: 30 });
    expect([viewer.text(), last().typed()]).toEqual(['hello', 'ls\n']);
    expect(last().sizes.at(-1)).toEqual({ columns: 100, rows: 30 });
    expect(await audit('terminal.opened')).toEqual([{ machine, account: 'alice', shell: viewer.shells[0]?.id }]);
  });

  describe('a ticket', () => {
    it('is good once, also when several processes are shown it at the same moment', async () => {
      const given = await ticket();
      const tries = Array.from({ length: 8 }, (_, i) => open(testViewer(), { on: i % 2 ? pool : other, given }));
      const outcomes = await Promise.allSettled(tries);
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const refused = outcomes.filter((one) => one.status === 'rejected').map(({ reason }) => reason.code);
      expect(new Set(refused)).toEqual(new Set(['invalid_grant']));
      await expect(open(testViewer(), { given })).rejects.toMatchObject({ code: 'invalid_grant' });
    });

    it('is good for 30 seconds', async () => {
      const given = await ticket();
      const late = await ticket();
      pool.pass(29);
      await open(testViewer(), { given });
      pool.pass(1);
      await expect(open(testViewer(), { given: late })).rejects.toMatchObject({ code: 'invalid_grant' });
    });

    it('that nobody gave out is good for nothing', async () => {
      for (const given of ['x', '0'.repeat(43), "' OR 1=1 --"]) {
        await expect(open(testViewer(), { given })).rejects.toMatchObject({ code: 'invalid_grant' });
      }
      expect(pool.shells.opened).toHaveLength(0);
    });

    it('is not stored as it is', async () => {
      const given = await ticket();
      expect(await pool.store.tables.terminalTickets.take(given, pool.now())).toBeUndefined();
    });

    it('is for the holder alone, for a machine of the reservation, while it is active', async () => {
      const admin: TicketCaller = { ...ADMIN, sessionId: null, tokenVersion: 0 };
      const missing = { code: 'not_found' };
      await expect(ticket(caller('bob'))).rejects.toMatchObject(missing);
      await expect(ticket(admin)).rejects.toMatchObject(missing);
      await expect(ticket(alice, id, 'no-such-machine')).rejects.toMatchObject(missing);
      await expect(ticket(alice, crypto.randomUUID())).rejects.toMatchObject(missing);
      pool.pass(3600);
      await expect(ticket(), 'its time is up').rejects.toMatchObject({ code: 'reservation_over' });
      pool.pass(-3600);
      const given = await ticket();
      await pool.pool.release(alice, id, pool.now());
      await expect(ticket()).rejects.toMatchObject({ code: 'reservation_over' });
      await expect(open(testViewer(), { given })).rejects.toMatchObject({ code: 'reservation_over' });
      expect(pool.shells.opened).toHaveLength(0);
    });

    it('there is none while the reservation is being prepared', async () => {
      const notYet = () => {};
      let go = notYet;
      pool.driver.hook = (verb, _, when) =>
        verb === 'create' && when === 'before'
          ? new Promise<void>((resolve) => {
              go = resolve;
            })
          : undefined;
      const { reservation, settled } = await pool.pool.reserve(alice, { count: 1, minutes: 5 }, pool.now());
      const on = reservation.machines[0]?.machine as string;
      await expect(ticket(alice, reservation.id, on)).rejects.toMatchObject({ code: 'conflict' });
      await expect.poll(() => go).not.toBe(notYet);
      pool.driver.hook = null;
      go();
      await settled;
      await ticket(alice, reservation.id, on);
    });

    it('of a user who has signed out meanwhile is not good', async () => {
      const given = await ticket({ ...alice, sessionId: 'a-session' });
      pool.stillSignedIn = async (proof) => {
        expect(proof).toMatchObject({ userId: alice.id, sessionId: 'a-session', tokenVersion: 0 });
        return false;
      };
      await expect(open(testViewer(), { given })).rejects.toMatchObject({ code: 'invalid_grant' });
    });

    it('a user gets at most 20 of them at a time', async () => {
      for (let i = 0; i < 20; i++) await ticket();
      await expect(ticket()).rejects.toMatchObject({ code: 'too_many_requests' });
      pool.pass(31);
      await ticket();
    });
  });

  describe('the end of the reservation ends the shell', () => {
    const endings: [string, () => Promise<unknown>][] = [
      ['released', () => pool.pool.release(alice, id, pool.now())],
      ['one machine of it released', () => pool.pool.release(alice, id, pool.now(), machine)],
      ['all released', () => pool.pool.releaseAll(ADMIN, pool.now())],
      ['its user removed', () => pool.pool.releaseAllOf(ADMIN, 'alice', pool.now(), 5_000)],
      [
        'its time up',
        () => {
          pool.pass(3600);
          return pool.upkeep.expireDue(pool.now());
        },
      ],
    ];
    it.each(endings)('at once in the same process: %s', async (_, end) => {
      const viewer = testViewer();
      await open(viewer);
      const shell = last();
      await end();
      expect(viewer.end).toEqual({ reason: 'ended' });
      expect(shell.ended).toBe(true);
      await pool.settle();
      expect(await audit('terminal.closed')).toMatchObject([{ machine, account: 'alice', reason: 'ended' }]);
    });

    it.each(endings)('soon in another process: %s', async (_, end) => {
      const viewer = testViewer();
      await open(viewer, { on: other });
      const shell = last(other);
      await end();
      await expect.poll(() => viewer.end).toEqual({ reason: 'ended' });
      expect(shell.ended).toBe(true);
    });

    it('when the removal of the account was what ended it', async () => {
      const viewer = testViewer();
      await open(viewer, { on: other });
      await pool.pool.release(alice, id, pool.now());
      last(other).closed(true);
      await expect.poll(() => viewer.end).toEqual({ reason: 'ended' });
    });

    it('also when it is still being opened', async () => {
      for (const on of [pool, other]) {
        const { id: of, machines } = await pool.reserve(alice, 1);
        const given = await ticket(alice, of, machines[0]?.machine);
        on.shells.before = async () => void (await pool.pool.release(alice, of, pool.now()));
        const viewer = testViewer();
        await expect(open(viewer, { on, given })).rejects.toMatchObject({ code: 'reservation_over' });
        expect(last(on).ended).toBe(true);
        expect(viewer.shells).toEqual([]);
        on.shells.before = null;
      }
    });

    it('and no other shell', async () => {
      const { id: second, machines } = await pool.reserve(alice, 1);
      const viewer = testViewer();
      await open(viewer, { given: await ticket(alice, second, machines[0]?.machine) });
      await pool.pool.release(alice, id, pool.now());
      await pool.settle();
      expect(viewer.end).toBeNull();
    });
  });

  it('a shell ends when its user’s sign-in does', async () => {
    const viewer = testViewer();
    await open(viewer);
    pool.stillSignedIn = async () => false;
    await expect.poll(() => viewer.end).toEqual({ reason: 'signed_out' });
    expect(last().ended).toBe(true);
  });

  it('a shell that exits, or whose connection is lost, is over with that reason', async () => {
    for (const [exited, reason] of [
      [true, 'exit'],
      [false, 'lost'],
    ] as const) {
      const viewer = testViewer();
      await open(viewer);
      last().closed(exited);
      await expect.poll(() => viewer.end).toEqual({ reason });
    }
  });

  it('a shell that has ended before anybody saw it is told of', async () => {
    const viewer = testViewer();
    pool.shells.before = () => {
      setImmediate(() => {
        last().output(Buffer.from('no such account'));
        last().closed(true);
      });
    };
    await open(viewer);
    await expect.poll(() => viewer.end).toEqual({ reason: 'exit' });
    expect(viewer.text()).toBe('no such account');
  });

  describe('a viewer that was lost', () => {
    it('comes back to the same shell, and to what it has printed meanwhile', async () => {
      const before = testViewer();
      const handle = await open(before);
      last().output(Buffer.from('one '));
      handle.detach();
      last().output(Buffer.from('two '));
      const after = testViewer();
      const resumed = await open(after, { resume: before.shells[0]?.id as string });
      expect(after.shells).toEqual([{ id: before.shells[0]?.id, resumed: true }]);
      last().output(Buffer.from('three'));
      expect(after.text()).toBe('one two three');
      expect(before.text()).toBe('one ');
      resumed.input(Buffer.from('x'));
      handle.input(Buffer.from('not any more'));
      handle.close();
      expect(last().typed()).toBe('x');
      expect(pool.shells.opened).toHaveLength(1);
      expect(await audit('terminal.opened')).toHaveLength(1);
    });

    it('that was not lost after all is sent away by the one that comes', async () => {
      const [first, second] = [testViewer(), testViewer()];
      await open(first);
      await open(second, { resume: first.shells[0]?.id as string });
      expect(first.end).toEqual({ reason: 'taken_over' });
      expect(second.end).toBeNull();
      expect(last().ended).toBe(false);
    });

    it('gets a new shell on another process, for another machine, and for one that is over', async () => {
      const first = testViewer();
      await open(first);
      const resume = first.shells[0]?.id as string;
      const elsewhere = testViewer();
      await open(elsewhere, { on: other, resume });
      expect(elsewhere.shells).toMatchObject([{ resumed: false }]);
      const { id: second, machines } = await pool.reserve(alice, 1);
      const onOther = testViewer();
      await open(onOther, { given: await ticket(alice, second, machines[0]?.machine), resume });
      expect(onOther.shells).toMatchObject([{ resumed: false }]);
      pool.shells.opened[0]?.closed(true);
      await expect.poll(() => first.end).not.toBeNull();
      const late = testViewer();
      await open(late, { resume });
      expect(late.shells).toMatchObject([{ resumed: false }]);
    });

    it('cannot be another user, whatever shell id that one names', async () => {
      const first = testViewer();
      await open(first);
      const bob = caller('bob');
      const { id: his, machines } = await pool.reserve(bob, 1);
      const viewer = testViewer();
      const given = await ticket(bob, his, machines[0]?.machine);
      await open(viewer, { given, resume: first.shells[0]?.id as string });
      expect(viewer.shells).toMatchObject([{ resumed: false }]);
      expect(first.end).toBeNull();
      expect(last().order.accountName).toBe('bob');
    });
  });

  it('four shells are open on one machine at most; one that nobody looks at makes room', async () => {
    const handles = [];
    for (let i = 0; i < 4; i++) handles.push(await open(testViewer()));
    await expect(open(testViewer())).rejects.toMatchObject({ code: 'too_many_requests' });
    handles[1]?.detach();
    await open(testViewer());
    expect(pool.shells.opened.map(({ ended }) => ended)).toEqual([false, true, false, false, false]);
  });

  it('a machine that cannot be used is told of in words, and a changed host key puts it in quarantine', async () => {
    pool.shells.before = () => {
      throw new AccessError('timed_out', `${machine}: no answer`, 'Check it.');
    };
    await expect(open(testViewer())).rejects.toMatchObject({
      code: 'unavailable',
      message: `${machine}: no answer. Check it.`,
    });
    pool.shells.before = () => {
      throw new AccessError('host_key_changed', `${machine}: another key`, 'Compare.', 'ssh-ed25519 AAAA');
    };
    await expect(open(testViewer())).rejects.toMatchObject({ code: 'unavailable' });
    expect((await pool.pool.getMachine(machine)).state).toBe('quarantined');
    pool.shells.before = null;
    await open(testViewer());
  });

  it('input that the machine does not take is held back until it does', async () => {
    const viewer = testViewer();
    const handle = await open(viewer);
    last().takes = false;
    handle.input(Buffer.from('a lot'));
    expect(viewer.held).toBe(true);
    last().drained();
    expect(viewer.held).toBe(false);
  });

  it('a machine that prints faster than it is read is stopped until the reader has caught up', async () => {
    const viewer = testViewer();
    await open(viewer);
    viewer.waiting = 10 * 1024 * 1024;
    last().output(Buffer.alloc(1000));
    expect(last().paused).toBe(true);
    viewer.waiting = 1024 * 1024;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(last().paused).toBe(true);
    viewer.waiting = 0;
    await expect.poll(() => last().paused).toBe(false);
  });

  it('a flood is slowed down also where nobody reads, and the last of it is kept', async () => {
    const handle = await open(testViewer());
    handle.detach();
    // Far more than is needed: on a busy host the measure of a while may begin anew in the middle.
    for (let i = 0; i < 20_000 && !last().paused; i++) last().output(Buffer.from(`${`${i}`.padStart(1023, '.')}\n`));
    expect(last().paused).toBe(true);
    await expect.poll(() => last().paused).toBe(false);
    const viewer = testViewer();
    const shellId = (await audit('terminal.opened'))[0]?.['shell'] as string;
    await open(viewer, { resume: shellId });
    expect(viewer.text().length).toBeGreaterThan(60 * 1024);
    expect(viewer.text().length).toBeLessThanOrEqual(64 * 1024);
    expect(viewer.text()).toMatch(/^\.+\d+\n/);
  });

  it('a process that ends sends its viewers to another one', async () => {
    const third = pool.another();
    const viewer = testViewer();
    await open(viewer, { on: third });
    await third.close();
    expect(viewer.end).toEqual({ reason: null });
    expect(last(third).ended).toBe(true);
    expect(await audit('terminal.closed')).toMatchObject([{ reason: 'stopping' }]);
    await expect(open(testViewer(), { on: third })).rejects.toMatchObject({ code: 'unavailable' });
  });
});
