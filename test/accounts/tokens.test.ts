import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, exportSPKI, importSPKI, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Accounts, UserChanges } from '#core/accounts/accounts.ts';
import type { Store } from '#core/store/store.ts';
import { ADMIN, freshSqlite } from '../support/test-pool.ts';
import { KEYS, minutesLater, NOW, openAccounts, PASSWORD } from './test-accounts.ts';

let store: Store;
let accounts: Accounts;
const { database, remove } = freshSqlite();

beforeAll(async () => {
  ({ store, accounts } = await openAccounts(database));
  await accounts.seedAdmin('admin', PASSWORD, NOW);
});
afterAll(async () => {
  await store.close();
  remove();
});

let username: string;
let token: string;
/** A user of its own for each test, who has just signed in and been let in. */
beforeEach(async () => {
  username = `u${randomUUID().slice(0, 8)}`;
  await accounts.createUser(ADMIN, { username, password: PASSWORD, role: 'admin' }, NOW);
  ({ token } = await accounts.login(username, PASSWORD, NOW));
  expect(await accounts.authenticate(token, NOW)).toMatchObject({ kind: 'user', name: username, role: 'admin' });
});

const refused = { name: 'Refusal', code: 'unauthorized' };

describe('a token', () => {
  it('says who it is for and no more', () => {
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'HS256', typ: 'JWT' });
    const { sub, jti, ...rest } = decodeJwt(token);
    const seconds = NOW.getTime() / 1000;
    expect(rest).toEqual({ iss: 'berth', aud: 'berth-api', ver: 0, iat: seconds, exp: seconds + 3600 });
    expect([typeof sub, typeof jti]).toEqual(['string', 'string']);
    expect(token).not.toContain(username);
  });

  it.each<[string, UserChanges]>([
    ['a new password', { password: 'another-password' }],
    ['a demotion', { role: 'user' }],
    ['disabling', { disabled: true }],
  ])('stops working with %s, and a new sign-in works as it should', async (_, changes) => {
    await accounts.updateUser(ADMIN, username, changes, NOW);
    await expect(accounts.authenticate(token, NOW)).rejects.toMatchObject(refused);
    const again = accounts.login(username, changes.password ?? PASSWORD, NOW);
    if (changes.disabled) {
      await expect(again).rejects.toMatchObject({ code: 'invalid_grant' });
      await accounts.updateUser(ADMIN, username, { disabled: false }, NOW);
      await expect(accounts.authenticate(token, NOW), 'an old token stays dead').rejects.toMatchObject(refused);
    } else {
      const fresh = await accounts.authenticate((await again).token, NOW);
      expect(fresh.role).toBe(changes.role ?? 'admin');
    }
  });

  it('stops working when its user is deleted, also for a new user of the same name', async () => {
    await accounts.deleteUser(ADMIN, username, NOW);
    await expect(accounts.authenticate(token, NOW)).rejects.toMatchObject(refused);
    await accounts.createUser(ADMIN, { username, password: PASSWORD, role: 'admin' }, NOW);
    await expect(accounts.authenticate(token, NOW)).rejects.toMatchObject(refused);
  });

  it('keeps working when something else is asked for that changes nothing', async () => {
    await accounts.updateUser(ADMIN, username, { role: 'admin', disabled: false }, NOW);
    await accounts.authenticate(token, NOW);
  });

  it('runs out, in a process that knows it and in one that does not', async () => {
    await accounts.authenticate(token, minutesLater(59));
    await expect(accounts.authenticate(token, minutesLater(60))).rejects.toMatchObject(refused);
    const other = await openAccounts(database);
    await other.accounts.authenticate(token, minutesLater(59));
    const third = await openAccounts(database);
    await expect(third.accounts.authenticate(token, minutesLater(60))).rejects.toMatchObject(refused);
    await other.store.close();
    await third.store.close();
  });

  it('is checked again by each process: what another process changed counts at once', async () => {
    const other = await openAccounts(database);
    await other.accounts.authenticate(token, NOW);
    await accounts.updateUser(ADMIN, username, { disabled: true }, NOW);
    await expect(other.accounts.authenticate(token, NOW)).rejects.toMatchObject(refused);
    await other.store.close();
  });
});

describe('a forged token is refused:', () => {
  const signed = (changes: { secret?: Uint8Array; alg?: string; claims?: object }): Promise<string> => {
    const claims = { ...decodeJwt(token), ...changes.claims };
    return new SignJWT(claims).setProtectedHeader({ alg: changes.alg ?? 'HS256' }).sign(changes.secret ?? KEYS.secret);
  };
  /** The real token with a part of it changed after it was signed. */
  const altered = (part: 0 | 1 | 2, change: (text: string) => string): string =>
    token
      .split('.')
      .map((text, i) =>
        i === part
          ? Buffer.from(change(Buffer.from(text, 'base64url').toString('latin1')), 'latin1').toString('base64url')
          : text,
      )
      .join('.');

  it('(a token signed like ours is let in, so that what follows means something)', async () => {
    await accounts.authenticate(await signed({}), NOW);
  });

  it.each<[string, () => Promise<string> | string]>([
    ['no signature, alg none', () => new UnsecuredJWT(decodeJwt(token)).encode()],
    ['alg None, in capitals', () => altered(0, (text) => text.replace('HS256', 'None'))],
    ['the signature cut off', () => `${token.split('.').slice(0, 2).join('.')}.`],
    ['another signature', () => altered(2, (text) => String.fromCharCode(text.charCodeAt(0) ^ 1) + text.slice(1))],
    ['another user', () => altered(1, (text) => text.replace(/"sub":"[^"]+"/, `"sub":"${randomUUID()}"`))],
    ['a later version', () => altered(1, (text) => text.replace('"ver":0', '"ver":1'))],
    ['another secret', () => signed({ secret: Buffer.alloc(32, 1) })],
    ['another algorithm with our secret', () => signed({ alg: 'HS512', secret: Buffer.alloc(64, 9) })],
    ['HS384 with our secret', () => signed({ alg: 'HS384' })],
    ['another issuer', () => signed({ claims: { iss: 'somebody' } })],
    ['no issuer', () => signed({ claims: { iss: undefined } })],
    ['another audience', () => signed({ claims: { aud: 'other-api' } })],
    ['no audience', () => signed({ claims: { aud: undefined } })],
    ['no end', () => signed({ claims: { exp: undefined } })],
    ['an end in the past', () => signed({ claims: { exp: NOW.getTime() / 1000 - 1 } })],
    ['no user', () => signed({ claims: { sub: undefined } })],
    ['a user who never was', () => signed({ claims: { sub: randomUUID() } })],
    ['no version', () => signed({ claims: { ver: undefined } })],
    ['a version that is no number', () => signed({ claims: { ver: 'x' } })],
    ['nothing', () => ''],
    ['two dots', () => '..'],
    ['words', () => 'not a token at all'],
    ['five parts', () => `${token}.a.b`],
    ['one megabyte', () => 'a'.repeat(1_000_000)],
  ])('%s', async (_, forge) => {
    await expect(accounts.authenticate(await forge(), NOW)).rejects.toMatchObject(refused);
  });

  it('an RS256 token, and one signed with a public key as the secret', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const rs = await new SignJWT(decodeJwt(token)).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
    await expect(accounts.authenticate(rs, NOW)).rejects.toMatchObject(refused);
    const pem = await exportSPKI(
      await importSPKI(publicKey.export({ type: 'spki', format: 'pem' }) as string, 'RS256', { extractable: true }),
    );
    const hs = await signed({ secret: Buffer.from(pem) });
    await expect(accounts.authenticate(hs, NOW)).rejects.toMatchObject(refused);
  });

  it('the role in it counts for nothing', async () => {
    await accounts.updateUser(ADMIN, username, { role: 'user' }, NOW);
    const claims = { ver: 1, role: 'admin', roles: ['admin'], is_admin: true };
    expect((await accounts.authenticate(await signed({ claims }), NOW)).role).toBe('user');
  });
});
