import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Accounts } from '#core/accounts/accounts.ts';
import type { Store } from '#core/store/store.ts';
import { databases } from '../support/databases.ts';
import { ADMIN, freshSqlite, user } from '../support/test-pool.ts';
import { NOW, openAccounts, PASSWORD } from './test-accounts.ts';

describe.each(databases)('the last admin on $name', ({ fresh }) => {
  let remove: () => Promise<void>;
  let parties: Awaited<ReturnType<typeof openAccounts>>[];
  beforeAll(async () => {
    const database = await fresh();
    remove = database.remove;
    const first = await openAccounts(database.database);
    // One process has one connection to SQLite, which blocks it while another one writes: two of them would wait for ever.
    const second = database.database.dialect === 'sqlite' ? first : await openAccounts(database.database);
    parties = [first, second];
    await parties[0]?.accounts.seedAdmin('ann', PASSWORD, NOW);
    await parties[1]?.accounts.createUser(ADMIN, { username: 'ben', password: PASSWORD, role: 'admin' }, NOW);
  });
  afterAll(async () => {
    for (const store of new Set(parties.map((party) => party.store))) await store.close();
    await remove();
  });

  it('stays, when two admins demote, disable or delete each other at the same moment', async () => {
    const [first, second] = parties as [(typeof parties)[0], (typeof parties)[0]];
    const ways = [
      ({ accounts }: typeof first, name: string) => accounts.updateUser(ADMIN, name, { role: 'user' }, NOW),
      ({ accounts }: typeof first, name: string) => accounts.updateUser(ADMIN, name, { disabled: true }, NOW),
      ({ accounts }: typeof first, name: string) => accounts.deleteUser(ADMIN, name, NOW),
    ];
    for (let round = 0; round < 12; round++) {
      const outcomes = await Promise.allSettled([
        ways[round % 3]?.(first, 'ben'),
        ways[(round + (round >> 2)) % 3]?.(second, 'ann'),
      ]);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'last_admin' } });
      expect(await first.store.tables.users.countActiveAdmins()).toBe(1);
      await restore(first.accounts, outcomes[0]?.status === 'fulfilled' ? 'ben' : 'ann');
    }
  });

  /** Makes the one who lost an active admin again. */
  async function restore(accounts: Accounts, username: string): Promise<void> {
    const there = (await accounts.listUsers()).some((one) => one.username === username);
    if (there) await accounts.updateUser(ADMIN, username, { role: 'admin', disabled: false }, NOW);
    else await accounts.createUser(ADMIN, { username, password: PASSWORD, role: 'admin' }, NOW);
  }

  it('cannot be changed away, whatever disabled admins there are, but can get a new password', async () => {
    const { accounts } = parties[0] as (typeof parties)[0];
    await accounts.updateUser(ADMIN, 'ben', { disabled: true }, NOW);
    const refused = { code: 'last_admin' };
    await expect(accounts.updateUser(ADMIN, 'ann', { role: 'user' }, NOW)).rejects.toMatchObject(refused);
    await expect(accounts.updateUser(ADMIN, 'ann', { disabled: true }, NOW)).rejects.toMatchObject(refused);
    await expect(accounts.deleteUser(ADMIN, 'ann', NOW)).rejects.toMatchObject(refused);
    await accounts.updateUser(ADMIN, 'ann', { password: 'new-password', role: 'admin', disabled: false }, NOW);
    await accounts.login('ann', 'new-password', NOW);
    await accounts.deleteUser(ADMIN, 'ben', NOW);
  });
});

describe('users', () => {
  const { database, remove } = freshSqlite();
  let store: Store;
  let accounts: Accounts;
  beforeAll(async () => {
    ({ store, accounts } = await openAccounts(database));
    await accounts.seedAdmin('admin', PASSWORD, NOW);
  });
  afterAll(async () => {
    await store.close();
    remove();
  });

  const make = (given: { username?: string; password?: string } = {}) => {
    const username = given.username ?? `u${randomUUID().slice(0, 8)}`;
    return accounts.createUser(ADMIN, { username, password: given.password ?? PASSWORD, role: 'user' }, NOW);
  };

  it('are shown without their password', async () => {
    const view = await make();
    expect(view).toEqual({
      username: view.username,
      role: 'user',
      disabled: false,
      createdAt: NOW,
      service: false,
      hasPassword: true,
      secondFactor: false,
    });
    expect(await accounts.getUser(view.username)).toEqual(view);
    expect(await accounts.listUsers()).toContainEqual(view);
  });

  it('have passwords that are kept as argon2id hashes only', async () => {
    const { username } = await make({ password: 's3cret' });
    const kept = await store.tables.users.byName(username);
    expect(kept?.passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(JSON.stringify(kept)).not.toContain('s3cret');
  });

  it('have names of their own', async () => {
    const { username } = await make();
    await expect(make({ username })).rejects.toMatchObject({ code: 'conflict' });
    await expect(accounts.getUser('nobody-here')).rejects.toMatchObject({ code: 'not_found' });
    await expect(accounts.deleteUser(ADMIN, 'nobody-here', NOW)).rejects.toMatchObject({ code: 'not_found' });
    const change = accounts.updateUser(ADMIN, 'nobody-here', { role: 'admin' }, NOW);
    await expect(change).rejects.toMatchObject({ code: 'not_found' });
  });

  it.each([
    '',
    'Alice',
    'a b',
    '1st',
    'a'.repeat(33),
    'root',
    'sshd',
    'systemd-x',
    'scheduler',
    'setup',
    "x'--",
    'é',
    'a\n',
  ])('are never named %j', async (username) => {
    await expect(make({ username })).rejects.toMatchObject({ code: 'account_name_refused' });
  });

  it.each(['s3cret', 'change-me', 'x', 'with spaces', "'; drop table users; --", 'pässwörd 🔑', 'p'.repeat(1024)])(
    'may have the password %.20j',
    async (password) => {
      const { username } = await make({ password });
      await accounts.login(username, password, NOW);
      await expect(accounts.login(username, `${password}x`, NOW)).rejects.toMatchObject({ code: 'invalid_grant' });
    },
  );

  it.each(['', 'p'.repeat(1025), 'line\nbreak', 'nul\u0000', 'del\u007f'])(
    'may not have the password %j',
    async (password) => {
      const refused = { code: 'invalid_request', message: expect.stringContaining('password') };
      await expect(make({ password })).rejects.toMatchObject(refused);
      await expect(accounts.updateUser(ADMIN, 'admin', { password }, NOW)).rejects.toMatchObject(refused);
      await accounts.login('admin', PASSWORD, NOW);
    },
  );

  it('are changed by admins only, and by a change only', async () => {
    const { username } = await make();
    const refused = { code: 'forbidden' };
    const someone = user(username);
    const other = { username: 'other', password: PASSWORD, role: 'admin' } as const;
    await expect(accounts.createUser(someone, other, NOW)).rejects.toMatchObject(refused);
    await expect(accounts.updateUser(someone, username, { role: 'admin' }, NOW)).rejects.toMatchObject(refused);
    await expect(accounts.deleteUser(someone, username, NOW)).rejects.toMatchObject(refused);
    await expect(accounts.updateUser(ADMIN, username, {}, NOW)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(await accounts.getUser(username)).toMatchObject({ role: 'user', disabled: false });
  });

  it('leave a trail in the audit log, with no secret in it, and none for what was refused', async () => {
    const { username } = await make({ password: 'first-secret' });
    await accounts.login(username, 'first-secret', NOW);
    await accounts.updateUser(ADMIN, username, { role: 'admin', password: 'second-secret' }, NOW);
    await expect(accounts.updateUser(ADMIN, username, { password: '' }, NOW)).rejects.toThrow();
    await expect(make({ username })).rejects.toThrow();
    await accounts.deleteUser(ADMIN, username, NOW);
    const trail = (await store.tables.audit.list({ subject: username, limit: 10 })).reverse();
    expect(trail).toMatchObject([
      { action: 'user.created', actor: 'admin', details: { role: 'user' } },
      { action: 'user.signed_in', actor: username },
      {
        action: 'user.updated',
        actor: 'admin',
        details: {
          before: { role: 'user', disabled: false },
          after: { role: 'admin', disabled: false },
          passwordChanged: true,
        },
      },
      { action: 'user.deleted', actor: 'admin' },
    ]);
    expect(JSON.stringify(trail)).not.toMatch(/secret|argon2/);
  });
});
