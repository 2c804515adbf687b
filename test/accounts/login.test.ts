import { verify } from '@node-rs/argon2';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Accounts } from '#core/accounts/accounts.ts';
import type { Store } from '#core/store/store.ts';
import { ADMIN, freshSqlite } from '../support/test-pool.ts';
import { NOW, openAccounts, PASSWORD } from './test-accounts.ts';

const watch = vi.hoisted(() => ({ running: 0, most: 0 }));
/** The real thing, counted. */
vi.mock('@node-rs/argon2', async (original) => {
  const real = await original<typeof import('@node-rs/argon2')>();
  const counted = async (...given: Parameters<typeof real.verify>): Promise<boolean> => {
    watch.running += 1;
    watch.most = Math.max(watch.most, watch.running);
    return await real.verify(...given).finally(() => {
      watch.running -= 1;
    });
  };
  return { ...real, verify: vi.fn(counted) };
});

const { database, remove } = freshSqlite();
let store: Store;
let accounts: Accounts;
beforeAll(async () => {
  ({ store, accounts } = await openAccounts(database));
  await accounts.seedAdmin('admin', PASSWORD, NOW);
  await accounts.createUser(ADMIN, { username: 'idle', password: PASSWORD, role: 'user' }, NOW);
  await accounts.updateUser(ADMIN, 'idle', { disabled: true }, NOW);
});
afterEach(() => vi.mocked(verify).mockClear());
afterAll(async () => {
  await store.close();
  remove();
});

describe('a sign-in', () => {
  it.each([
    ['a mistaken password', 'admin', 'mistaken'],
    ['an unknown user', 'nobody', PASSWORD],
    ['a user name that no user can have', "Robert'); DROP TABLE users;--", PASSWORD],
    ['a disabled user with the right password', 'idle', PASSWORD],
    ["the unknown user's stand-in password", 'nobody', 'nobody has this password'],
  ])('with %s is refused in the same words after the same work', async (_, username, password) => {
    const attempt = accounts.login(username, password, NOW);
    await expect(attempt).rejects.toMatchObject({
      code: 'invalid_grant',
      message: 'the user name or the password is wrong',
      details: {},
    });
    expect(vi.mocked(verify)).toHaveBeenCalledTimes(1);
    const [hash, tried] = vi.mocked(verify).mock.calls[0] ?? [];
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(tried).toBe(password);
  });

  it('waits for its turn: no more than four hashes are worked on at once, and all are', async () => {
    const many = Array.from({ length: 20 }, () => accounts.login('admin', PASSWORD, NOW));
    expect(new Set((await Promise.all(many)).map(({ token }) => token)).size).toBe(20);
    expect(watch.most).toBe(4);
  });
});
