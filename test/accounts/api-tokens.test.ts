import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { MadeApiToken } from '#core/accounts/api-tokens.ts';
import type { SignedIn } from '#core/accounts/signed-in.ts';
import type { Scope } from '#core/domain/scope.ts';
import { databases } from '../support/databases.ts';
import { ADMIN } from '../support/test-pool.ts';
import { minutesLater, NOW, openAccounts, PASSWORD } from './test-accounts.ts';

const DAY = 24 * 60;
const GONE = { code: 'unauthorized' };

describe.each(databases)('API tokens on $name', ({ fresh }) => {
  let party: Awaited<ReturnType<typeof openAccounts>>;
  let removeDatabase: () => Promise<void>;
  beforeAll(async () => {
    const { database, remove } = await fresh();
    removeDatabase = remove;
    party = await openAccounts(database);
    await party.accounts.seedAdmin('admin', PASSWORD, NOW);
  });
  afterAll(async () => {
    await party.store.close();
    await removeDatabase();
  });

  let name: string;
  let me: SignedIn;
  const signIn = async () =>
    await party.accounts.authenticate((await party.accounts.login(name, PASSWORD, NOW)).token, NOW);
  beforeEach(async () => {
    name = `u${randomUUID().slice(0, 8)}`;
    await party.accounts.createUser(ADMIN, { username: name, password: PASSWORD, role: 'user' }, NOW);
    me = await signIn();
  });
  const make = (more: { name?: string; scopes?: Scope[]; expiresInDays?: number } = {}): Promise<MadeApiToken> =>
    party.accounts.apiTokens.create(me, { name: 'ci', scopes: ['read'], expiresInDays: 30, ...more }, NOW);
  const use = (token: string, now = NOW) => party.accounts.authenticate(token, now);
  const auditOf = (action: string) => party.store.tables.audit.list({ subject: name, action, limit: 10 });
  const update = (changes: object) => party.accounts.updateUser(ADMIN, name, changes, NOW);

  it('stand for their user, are shown once, and the database holds only a digest', async () => {
    const { token, id } = await make({ scopes: ['reserve', 'read'] });
    expect(token).toMatch(/^berth_[A-Za-z0-9_-]{43}$/);
    expect(await use(token)).toMatchObject({ name, apiToken: { id, name: 'ci', scopes: ['read', 'reserve'] } });
    const [listed] = await party.accounts.apiTokens.list(me);
    expect(listed).toMatchObject({ id, name: 'ci', scopes: ['read', 'reserve'], expiresAt: minutesLater(30 * DAY) });
    const rows = JSON.stringify([
      await party.store.tables.apiTokens.ofUser(me.id),
      listed,
      await auditOf('token.created'),
    ]);
    expect(rows).not.toContain(token.slice(6));
    expect(await auditOf('token.created')).toMatchObject([
      { actor: name, details: { name: 'ci', scopes: ['read', 'reserve'] } },
    ]);
  });

  it('run out, and can be revoked', async () => {
    const { token, id } = await make({ expiresInDays: 1 });
    expect(await use(token, minutesLater(DAY - 1))).toMatchObject({ name });
    await expect(use(token, minutesLater(DAY))).rejects.toMatchObject(GONE);
    await party.accounts.apiTokens.revoke(me, id, NOW);
    await expect(use(token)).rejects.toMatchObject(GONE);
    expect(await auditOf('token.revoked')).toMatchObject([{ actor: name, details: { name: 'ci', scopes: ['read'] } }]);
    await expect(party.accounts.apiTokens.revoke(me, id, NOW)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('are refused without scopes or a name, for too long or no time, and with a name that is there', async () => {
    for (const [wrong, message] of [
      [{ scopes: [] }, /^scopes:/],
      [{ scopes: ['root' as Scope] }, /^scopes:/],
      [{ name: '  ' }, /^name:/],
      [{ expiresInDays: 0 }, /^expires_in_days:/],
      [{ expiresInDays: 367 }, /^expires_in_days:/],
      [{ expiresInDays: 1.5 }, /^expires_in_days:/],
    ] as const) {
      const refusal = { code: 'invalid_request', message: expect.stringMatching(message) };
      await expect(make(wrong as never)).rejects.toMatchObject(refusal);
    }
    await make();
    await expect(make()).rejects.toMatchObject({ code: 'conflict' });
    for (const scope of ['machines', 'admin'] as const) {
      await expect(make({ name: scope, scopes: ['read', scope] })).rejects.toMatchObject({ code: 'forbidden' });
    }
  });

  it('are at most fifty, and one that has run out makes room', async () => {
    await make({ name: 'short', expiresInDays: 1 });
    for (let i = 1; i < 50; i++) await make({ name: `t${i}` });
    await expect(make({ name: 'one more' })).rejects.toMatchObject({ code: 'conflict' });
    const later = minutesLater(2 * DAY);
    const wanted = { name: 'short', scopes: ['read' as const], expiresInDays: 1 };
    expect(await party.accounts.apiTokens.create(me, wanted, later)).toMatchObject({ name: 'short' });
  });

  it('stop while their user is disabled, and for good with a new password or without the user', async () => {
    const { token } = await make();
    await update({ disabled: true });
    await expect(use(token)).rejects.toMatchObject(GONE);
    await update({ disabled: false });
    expect(await use(token)).toMatchObject({ name });

    await update({ password: 'a second password for tests' });
    await expect(use(token)).rejects.toMatchObject(GONE);
    expect(await auditOf('token.revoked')).toMatchObject([{ details: { because: 'another password' } }]);
    await update({ password: PASSWORD });
    me = await signIn();

    const own = await make({ name: 'before my own change' });
    await party.accounts.profile.changePassword(me, PASSWORD, 'a third password for tests', NOW);
    await expect(use(own.token)).rejects.toMatchObject(GONE);

    const last = await make({ name: 'last' });
    await party.accounts.deleteUser(ADMIN, name, NOW);
    await expect(use(last.token)).rejects.toMatchObject(GONE);
    await party.accounts.createUser(ADMIN, { username: name, password: PASSWORD, role: 'user' }, NOW);
    await expect(use(last.token)).rejects.toMatchObject(GONE);
  });

  it('with a scope for admins end with the admin role and do not come back with it; others stay', async () => {
    await update({ role: 'admin' });
    const plain = await make();
    const strong = await make({ name: 'strong', scopes: ['read', 'machines'] });
    expect(await use(strong.token)).toMatchObject({ role: 'admin' });
    await update({ role: 'user' });
    await update({ role: 'admin' });
    await expect(use(strong.token)).rejects.toMatchObject(GONE);
    expect(await use(plain.token)).toMatchObject({ name });
  });

  it('are not ended by signing out everywhere', async () => {
    const { token } = await make();
    await party.accounts.sessions.endAll(me, NOW);
    expect(await use(token)).toMatchObject({ name });
  });

  it('note their last use, once a minute at most', async () => {
    const { token } = await make();
    const lastUse = async () => (await party.accounts.apiTokens.list(me))[0]?.lastUsedAt;
    expect(await lastUse()).toBeNull();
    await Promise.all(Array.from({ length: 20 }, () => use(token)));
    await expect.poll(lastUse).toEqual(NOW);
    await use(token, new Date(NOW.getTime() + 59_000));
    await use(token, minutesLater(1));
    await expect.poll(lastUse).toEqual(minutesLater(1));
    const { id } = await use(token, minutesLater(1)).then(({ apiToken }) => apiToken as { id: string });
    await party.store.tables.apiTokens.used(id, minutesLater(1.5), minutesLater(0.5));
    expect(await lastUse(), 'another process, half a minute later').toEqual(minutesLater(1));
  });

  it('of others are for admins to see and revoke, and to make for service accounts only', async () => {
    const { token, id } = await make();
    const { apiTokens } = party.accounts;
    const other = { ...me, id: randomUUID(), name: 'other' };
    const wanted = { name: 'ci', scopes: ['read' as const], expiresInDays: 1 };
    await expect(apiTokens.listOf(other, name)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(apiTokens.revokeOf(other, name, id, NOW)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(apiTokens.revoke(other, id, NOW)).rejects.toMatchObject({ code: 'not_found' });
    await expect(apiTokens.createFor(ADMIN, name, wanted, NOW)).rejects.toMatchObject({ code: 'conflict' });
    expect(await apiTokens.listOf(ADMIN, name)).toMatchObject([{ id }]);
    await apiTokens.revokeOf(ADMIN, name, id, NOW);
    await expect(use(token)).rejects.toMatchObject(GONE);
  });
});

describe.each(databases)('service accounts on $name', ({ fresh }) => {
  let party: Awaited<ReturnType<typeof openAccounts>>;
  let removeDatabase: () => Promise<void>;
  beforeAll(async () => {
    const { database, remove } = await fresh();
    removeDatabase = remove;
    party = await openAccounts(database);
    await party.accounts.seedAdmin('admin', PASSWORD, NOW);
    await party.accounts.createUser(ADMIN, { username: 'ci', password: null, role: 'admin' }, NOW);
  });
  afterAll(async () => {
    await party.store.close();
    await removeDatabase();
  });

  it('sign in by API tokens of admins and by no password', async () => {
    const { accounts } = party;
    expect(await accounts.getUser('ci')).toMatchObject({ service: true });
    for (const password of ['', ' ', 'null', 'none', PASSWORD]) {
      await expect(accounts.login('ci', password, NOW)).rejects.toMatchObject({ code: 'invalid_grant' });
    }
    expect(await accounts.opensWithShippedPassword('ci')).toBe(false);
    await expect(accounts.updateUser(ADMIN, 'ci', { password: PASSWORD }, NOW)).rejects.toMatchObject({
      code: 'invalid_request',
    });
    const wanted = { name: 'pipeline', scopes: ['machines' as const], expiresInDays: 366 };
    const { token } = await accounts.apiTokens.createFor(ADMIN, 'ci', wanted, NOW);
    expect(await accounts.authenticate(token, NOW)).toMatchObject({ name: 'ci', role: 'admin', sessionId: null });
    expect(await party.store.tables.audit.list({ subject: 'ci', action: 'token.created', limit: 5 })).toMatchObject([
      { actor: 'admin', details: { name: 'pipeline' } },
    ]);
  });

  it('are no admin who can sign in: the last real one stays', async () => {
    await expect(party.accounts.updateUser(ADMIN, 'admin', { disabled: true }, NOW)).rejects.toMatchObject({
      code: 'last_admin',
    });
    await expect(party.accounts.deleteUser(ADMIN, 'admin', NOW)).rejects.toMatchObject({ code: 'last_admin' });
    await party.accounts.updateUser(ADMIN, 'ci', { role: 'user' }, NOW);
  });
});
