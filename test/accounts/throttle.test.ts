import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Accounts } from '#core/accounts/accounts.ts';
import { createThrottle } from '#core/accounts/throttle.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { Database } from '#core/store/dialect.ts';
import type { Store } from '#core/store/store.ts';
import { databases } from '../support/databases.ts';
import { ADMIN } from '../support/test-pool.ts';
import { NOW, openAccounts, PASSWORD } from './test-accounts.ts';

const HOME = '192.0.2.1';
const ELSEWHERE = '198.51.100.1';

/** The moment that many seconds after the tests' beginning. */
const at = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000);
const elsewhere = (i: number): string => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;

describe.each(databases)('guessing passwords, counted in $name', ({ fresh }) => {
  let database: Database;
  let remove: () => Promise<void>;
  let store: Store;
  let accounts: Accounts;
  /** How many guesses reached the password check. */
  let looked = 0;
  let name = '';
  let users = 0;
  beforeAll(async () => {
    ({ database, remove } = await fresh());
    ({ store, accounts } = await openAccounts(database));
  });
  beforeEach(async () => {
    looked = 0;
    users += 1;
    name = `user${users}`;
    await accounts.createUser(ADMIN, { username: name, password: PASSWORD, role: 'user' }, NOW);
    await store.tables.signInTries.removeForgotten(at(1e9));
  });
  afterAll(async () => {
    await store.close();
    await remove();
  });

  /** `wrong`, or how many seconds one has to wait. */
  async function guess(address: string, username: string, now: Date, by = accounts): Promise<'wrong' | number> {
    try {
      await by.throttle.guard(address, username, now, async () => {
        looked += 1;
        throw new Refusal('invalid_grant', 'wrong');
      });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.code === 'invalid_grant') return 'wrong';
      expect(error.code).toBe('too_many_requests');
      return Number(error.details['retry_after_seconds']);
    }
    throw new Error('a guess was right');
  }
  /** Signs in with the right password. */
  const enter = (address: string, now: Date, username = name) =>
    accounts.throttle.guard(address, username, now, () => accounts.login(username, PASSWORD, now));
  async function guesses(count: number, address: string, username = name): Promise<void> {
    for (let i = 0; i < count; i++) await guess(address, username, NOW);
  }

  it('is free ten times, then pauses double up to five minutes', async () => {
    for (let i = 0; i < 10; i++) expect(await guess(ELSEWHERE, name, NOW)).toBe('wrong');
    const pauses: number[] = [];
    let now = 0;
    for (let i = 0; i < 12; i++) {
      const seconds = await guess(elsewhere(i), name, at(now));
      pauses.push(Number(seconds));
      now += Number(seconds);
      expect(await guess(elsewhere(i), name, at(now - 0.001))).toBe(1);
      expect(await guess(elsewhere(i), name, at(now))).toBe('wrong');
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
  });

  it('is forgotten an hour after the last pause', async () => {
    await guesses(12, ELSEWHERE);
    expect(await guess(ELSEWHERE, name, at(3_500))).toBe('wrong');
    expect(await guess(ELSEWHERE, name, at(3_500))).toBe(2);
    for (let i = 0; i < 10; i++) expect(await guess(ELSEWHERE, name, at(7_200))).toBe('wrong');
    expect(await guess(ELSEWHERE, name, at(7_200))).toBe(1);
  });

  it('of many names from one address is free fifty times', async () => {
    for (let i = 0; i < 50; i++) expect(await guess(ELSEWHERE, `name${i}`, NOW)).toBe('wrong');
    expect(await guess(ELSEWHERE, name, NOW)).toBe(1);
    expect(await guess(`::ffff:${ELSEWHERE}`, name, NOW)).toBe(1);
    expect(await guess('198.51.100.2', name, NOW)).toBe('wrong');
  });

  it('counts a /64 of IPv6 as one address', async () => {
    for (let i = 0; i < 50; i++) expect(await guess(`2001:db8:0:1::${i}`, `name${i}`, NOW)).toBe('wrong');
    expect(await guess('2001:db8:0:1:ffff::', name, NOW)).toBe(1);
    expect(await guess('2001:db8:0:2::1', name, NOW)).toBe('wrong');
  });

  it('does not get further by many tries at the same moment, or by two processes', async () => {
    const other = await openAccounts(database);
    try {
      const tries = Array.from({ length: 60 }, (_, i) =>
        guess(elsewhere(i), name, NOW, i % 2 === 0 ? accounts : other.accounts),
      );
      const told = await Promise.all(tries);
      expect(told.filter((one) => one === 'wrong')).toHaveLength(10);
      expect(looked).toBe(10);
      expect(await guess(ELSEWHERE, name, NOW, other.accounts)).toBe(1);
    } finally {
      await other.store.close();
    }
  });

  it('is remembered after a restart', async () => {
    await guesses(11, ELSEWHERE);
    await store.close();
    ({ store, accounts } = await openAccounts(database));
    expect(await guess(HOME, name, NOW)).toBe(1);
  });

  it('of unknown names is told the same as of known ones', async () => {
    const sequence = async (username: string, address: string) => {
      const told: unknown[] = [];
      for (const second of [...Array(12).fill(0), 1, 1, 3, 3, 500, 500]) {
        told.push(await guess(address, username, at(second)));
      }
      return told;
    };
    await enter(HOME, NOW);
    const known = await sequence(name, '203.0.113.1');
    expect(await sequence('nobody', '203.0.113.2')).toEqual(known);
    expect(await sequence("no name at all'--", '203.0.113.3')).toEqual(known);
    // Also from where the user has signed in.
    expect(await sequence('nobody-2', '203.0.113.4')).toEqual(await sequence(name, HOME));
  });

  it('from an address that may try no other name is not told the known ones by the answer', async () => {
    await enter(HOME, NOW);
    for (let i = 0; i < 51; i++) await guess(HOME, `name${i}`, NOW);
    expect(await guess(HOME, 'nobody', NOW)).toBe(1);
    expect(await guess(HOME, name, NOW)).toBe(1);
    expect(looked, 'the password was looked at nevertheless').toBe(51);
    await enter(HOME, NOW);
  });

  it('from everywhere does not keep a user from signing in where that was done before', async () => {
    await enter(HOME, NOW);
    for (let i = 0; i < 40; i++) await guess(elsewhere(i), name, NOW);
    expect(await guess(ELSEWHERE, name, NOW)).toBe(1);
    expect(await guess(HOME, name, NOW), 'a mistake of the user').toBe('wrong');
    await enter(HOME, NOW);
    await enter(HOME, at(80 * 24 * 3600));
    for (let i = 0; i < 40; i++) await guess(elsewhere(i), name, at(100 * 24 * 3600));
    await enter(HOME, at(169 * 24 * 3600));
  });

  it('ends, at a new address, with the longest pause', async () => {
    let now = 0;
    for (let i = 0; i < 30; i++) {
      const seconds = await guess(elsewhere(i), name, at(now));
      if (seconds !== 'wrong') now += seconds;
    }
    await expect(enter(HOME, at(now))).rejects.toMatchObject({
      code: 'too_many_requests',
      details: { retry_after_seconds: 300 },
    });
    await enter(HOME, at(now + 300));
    await enter(HOME, at(now + 300));
  });

  it('is not begun anew by signing in in between', async () => {
    await accounts.createUser(ADMIN, { username: `${name}-own`, password: PASSWORD, role: 'user' }, NOW);
    let wrong = 0;
    for (let i = 0; i < 60; i++) {
      if ((await guess(ELSEWHERE, `name${i}`, NOW)) === 'wrong') wrong += 1;
      await enter(ELSEWHERE, NOW, `${name}-own`);
    }
    expect(wrong).toBe(50);
  });

  it('only counts what was wrong', async () => {
    for (let i = 0; i < 20; i++) await enter(HOME, NOW);
    for (let i = 0; i < 20; i++) {
      const away = accounts.throttle.guard(ELSEWHERE, name, NOW, () => Promise.reject(new Refusal('unavailable', 'x')));
      await expect(away).rejects.toMatchObject({ code: 'unavailable' });
    }
    for (let i = 0; i < 10; i++) expect(await guess(ELSEWHERE, name, NOW)).toBe('wrong');
    // A pause that a right password began, at the last free try, ends with it.
    await guesses(9, '203.0.113.9', `${name}x`);
    await accounts.throttle.guard('203.0.113.9', `${name}x`, NOW, async () => undefined);
    expect(await guess('203.0.113.9', `${name}x`, NOW)).toBe('wrong');
  });

  it('no more of a place is known once its user is gone, or after three months', async () => {
    await enter(HOME, NOW);
    const { known } = store.tables.signInPlaces;
    expect(await known(name, HOME, NOW)).toBe(false);
    expect(await known(name, HOME, at(-1))).toBe(true);
    expect(await known(name, ELSEWHERE, at(-1))).toBe(false);
    expect(await known(`${name} `, HOME, at(-1))).toBe(false);
    await accounts.deleteUser(ADMIN, name, NOW);
    await accounts.createUser(ADMIN, { username: name, password: PASSWORD, role: 'user' }, NOW);
    expect(await known(name, HOME, at(-1))).toBe(false);
  });

  it('knows the twenty places where a user was last', async () => {
    for (let i = 0; i < 25; i++) await enter(elsewhere(i), at(i));
    const { known } = store.tables.signInPlaces;
    const found = await Promise.all(Array.from({ length: 25 }, (_, i) => known(name, elsewhere(i), at(-1))));
    expect(found.indexOf(true)).toBe(5);
    expect(found.filter(Boolean)).toHaveLength(20);
  });

  it('with names without end does not fill the disk, and what is hammered at stays counted', async () => {
    const few = createThrottle(store, { mostRows: 300 });
    await guesses(12, ELSEWHERE);
    for (let i = 0; i < 700; i++) {
      const guessed = few.guard(elsewhere(i), `random${i}`, NOW, () =>
        Promise.reject(new Refusal('invalid_grant', 'x')),
      );
      await expect(guessed).rejects.toMatchObject({ code: 'invalid_grant' });
    }
    expect(await store.tables.signInTries.count()).toBeLessThan(700);
    expect(await guess(HOME, name, NOW)).toBe(1);
  });

  it('in a flood is told at once to come again, and a user is not, where that one was before', async () => {
    await enter(HOME, NOW);
    let open = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      open = resolve;
    });
    let refused = 0;
    const flood = Array.from({ length: 100 }, (_, i) =>
      accounts.throttle
        .guard(elsewhere(i), `stranger${i}`, NOW, () => held)
        .catch((error: Refusal) => {
          expect(error.code).toBe('unavailable');
          refused += 1;
        }),
    );
    await expect.poll(() => refused).toBe(100 - 64 - 2);
    const owner = enter(HOME, NOW);
    open();
    await owner;
    await Promise.all(flood);
    expect(refused).toBe(34);
  });

  it('in a flood from one address leaves places for those elsewhere', async () => {
    let open = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      open = resolve;
    });
    let refused = 0;
    const flood = Array.from({ length: 100 }, (_, i) =>
      accounts.throttle
        .guard(ELSEWHERE, `stranger${i}`, NOW, () => held)
        .catch((error: Refusal) => {
          expect(error.code).toBe('unavailable');
          refused += 1;
        }),
    );
    await expect.poll(() => refused).toBe(100 - 32);
    const newcomer = enter(HOME, NOW);
    open();
    await newcomer;
    await Promise.all(flood);
  });
});
