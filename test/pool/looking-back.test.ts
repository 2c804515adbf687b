import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EndedPage, HistoryEntry } from '#core/pool/pool.ts';
import { databases } from '../support/databases.ts';
import { ADMIN, openTestPool, type TestPool, user } from '../support/test-pool.ts';

const alice = user('alice');
const bob = user('bob');
const DAY = 24 * 3600;

describe.each(databases)('looking back on $name', ({ fresh }) => {
  let pool: TestPool;
  let remove: () => Promise<void>;
  beforeAll(async () => {
    const database = await fresh();
    remove = database.remove;
    pool = await openTestPool(database.database);
  });
  afterAll(async () => {
    await pool.close();
    await remove();
  });
  beforeEach(() => pool.startAfresh(4));

  async function lendAndEnd(by: typeof alice, count = 1): Promise<string> {
    const { id } = await pool.reserve(by, count);
    await pool.pool.release(by, id, pool.now());
    await pool.settle();
    return id;
  }
  /** All pages, each `limit` long but the last. */
  async function allEnded(mine: boolean, limit: number): Promise<EndedPage['reservations'][number][]> {
    const all: EndedPage['reservations'][number][] = [];
    for (let before: string | undefined; ; ) {
      const page = await pool.pool.listEnded(alice, { mine, limit, ...(before !== undefined && { before }) });
      all.push(...page.reservations);
      if (page.next === null) return all;
      expect(page.reservations).toHaveLength(limit);
      before = page.next;
    }
  }

  it('ended reservations come newest first, page by page, also many of one moment', async () => {
    const expected: string[] = [];
    for (let i = 0; i < 3; i++) expected.push(await lendAndEnd(alice));
    pool.pass(60);
    expected.push(await lendAndEnd(bob), await lendAndEnd(alice, 2));
    const open = await pool.reserve(alice, 1);
    const listed = (await allEnded(false, 2)).slice(0, 5);
    expect(new Set(listed.map(({ id }) => id))).toEqual(new Set(expected));
    expect(listed.map(({ id }) => id)).not.toContain(open.id);
    const times = listed.map(({ endedAt }) => endedAt?.getTime() as number);
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect((await allEnded(false, 1)).map(({ id }) => id)).toEqual((await allEnded(false, 100)).map(({ id }) => id));
    const mine = await allEnded(true, 2);
    expect(mine.every((one) => one.mine && one.holder === 'alice')).toBe(true);
    expect(mine.map(({ id }) => id)).not.toContain(expected[3]);
    expect(listed.find(({ id }) => id === expected[4])?.machines).toHaveLength(2);
    const before = await pool.pool.listEnded(alice, { mine: false, limit: 9, before: pool.now().toISOString() });
    expect(before.reservations.map(({ id }) => id)).not.toContain(expected[4]);
    expect(before.reservations.map(({ id }) => id)).toContain(expected[0]);
  });

  it('the timeline has every hold with a moment in its span, and nothing else', async () => {
    const from = pool.now();
    pool.pass(100);
    const over = await lendAndEnd(alice);
    pool.pass(100);
    const running = await pool.reserve(bob, 1, { machines: ['m2'] });
    pool.driver.faults.set('m1', { verb: 'remove', code: 'unreachable' });
    const dirty = await pool.reserve(alice, 1, { machines: ['m1'] });
    await pool.pool.release(alice, dirty.id, pool.now());
    await pool.settle();
    pool.pass(5);
    const to = new Date(pool.now().getTime() + 1);
    const whole = await pool.pool.timeline(from, to, pool.now());
    expect(whole.machines.map(({ name }) => name)).toEqual(['m1', 'm2', 'm3', 'm4']);
    expect(whole.truncated).toBe(false);
    const span = (id: string) => whole.spans.find(({ reservationId }) => reservationId === id);
    expect(span(over)).toMatchObject({ holder: 'alice', state: 'cleaned', from: new Date(from.getTime() + 100_000) });
    expect(span(over)?.to).toEqual(span(over)?.from);
    expect(span(running.id)).toMatchObject({ holder: 'bob', state: 'active', to: running.endsAt, cleaningSince: null });
    expect(span(dirty.id)).toMatchObject({ state: 'cleaning', to: pool.now() });
    const later = await pool.pool.timeline(new Date(from.getTime() + 150_000), to, pool.now());
    expect(later.spans.map(({ reservationId }) => reservationId)).not.toContain(over);
    expect(later.spans.map(({ reservationId }) => reservationId)).toContain(running.id);
    const earlier = await pool.pool.timeline(from, new Date(from.getTime() + 150_000), pool.now());
    expect(earlier.spans.map(({ reservationId }) => reservationId)).toEqual([over]);
  });

  it('the timeline refuses a span that is too long, empty, or runs backwards', async () => {
    const ask = (seconds: number) =>
      pool.pool.timeline(pool.now(), new Date(pool.now().getTime() + seconds * 1000), pool.now());
    await ask(92 * DAY);
    for (const seconds of [92 * DAY + 1, 0, -1]) {
      await expect(ask(seconds)).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });

  async function history(name: string, limit: number): Promise<HistoryEntry[]> {
    const all: HistoryEntry[] = [];
    for (let before: string | undefined; ; ) {
      const page = await pool.pool.machineHistory(name, { limit, ...(before !== undefined && { before }) });
      all.push(...page.entries);
      if (page.next === null) return all;
      before = page.next;
    }
  }

  it('a machine’s history tells what was done to it and who had it, in every length of page', async () => {
    const given = { machines: ['m2'] };
    const first = await pool.reserve(alice, 1, given);
    pool.pass(60);
    await pool.pool.release(alice, first.id, pool.now());
    await pool.settle();
    await pool.reserve(bob, 1, given);
    await pool.pool.updateMachine(ADMIN, 'm2', { labels: ['gpu'] }, pool.now());
    // The name of a user is no machine, even if one bears the same.
    await pool.store.tables.audit.add({
      at: pool.now(),
      actor: 'x',
      action: 'user.updated',
      subject: 'm2',
      details: {},
    });
    const whole = await history('m2', 100);
    const recent = whole.slice(0, 6).map(({ action, actor, holder }) => `${action} ${actor} ${holder}`);
    expect(recent).toEqual([
      'machine.reserved bob bob',
      'machine.updated admin null',
      'machine.cleaned scheduler alice',
      'machine.reserved alice alice',
      'machine.ready scheduler null',
      'machine.registered admin null',
    ]);
    for (const limit of [1, 2, 3, 5]) expect(await history('m2', limit)).toEqual(whole);
  });

  it('the history of a machine that is gone stays, and of one that never was there is none', async () => {
    await pool.pool.deleteMachine(ADMIN, 'm3', pool.now());
    expect((await history('m3', 10))[0]).toMatchObject({ action: 'machine.deleted', actor: 'admin' });
    await expect(history('no-such-machine', 10)).rejects.toMatchObject({ code: 'not_found' });
    for (const before of [
      '2026-13-45T99:99:99Z',
      '2026-01-01T00:00:00Z~a',
      '2026-01-01T00:00:00Z~ax1',
      '2026-01-01T00:00:00Z~x',
    ]) {
      const asked = pool.pool.machineHistory('m3', { before, limit: 1 });
      await expect(asked, before).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });

  it('a reservation says which machines were swapped, and why', async () => {
    pool.driver.faults.set('m1', { verb: 'create', code: 'disk_full' });
    const { id } = await pool.reserve(alice, 4).catch(() => ({ id: '' }));
    expect(id, 'no fourth machine').toBe('');
    await pool.startAfresh(4);
    pool.driver.hook = (verb, machine, when) => {
      if (verb !== 'create' || when !== 'before' || pool.driver.faults.size > 0) return;
      pool.driver.faults.set(machine, { verb: 'create', code: 'disk_full' });
    };
    const made = await pool.reserve(alice, 1);
    const shown = await pool.pool.getReservation(alice, made.id);
    const [failed] = [...pool.driver.faults.keys()];
    expect(shown.swapped).toEqual([
      { at: pool.now(), machine: failed, reason: `${failed} is told to fail: disk_full` },
    ]);
    expect(shown.machines.find(({ state }) => state === 'active')?.preparedAt).toEqual(pool.now());
  });
});
