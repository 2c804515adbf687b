import { randomUUID } from 'node:crypto';
import { TOTP } from 'otpauth';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SignedIn } from '#core/accounts/signed-in.ts';
import { keyIdOf, sealKeyId } from '#core/store/seal.ts';
import { openStore } from '#core/store/store.ts';
import { databases } from '../support/databases.ts';
import { ADMIN } from '../support/test-pool.ts';
import { NOW, openAccounts, PASSWORD } from './test-accounts.ts';

const HOME = { address: '192.0.2.1', userAgent: 'Firefox' };
const REFUSED = { code: 'invalid_grant' };
const secondsLater = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);
const codeOf = (secret: string, at: Date) => new TOTP({ secret }).generate({ timestamp: at.getTime() });
const wrongOf = (secret: string, at: Date) => String((Number(codeOf(secret, at)) + 1) % 1_000_000).padStart(6, '0');

describe.each(databases)('a second factor on $name', ({ fresh }) => {
  let party: Awaited<ReturnType<typeof openAccounts>>;
  /** Another process on the same database. */
  let other: Awaited<ReturnType<typeof openAccounts>>;
  let removeDatabase: () => Promise<void>;
  let database: Awaited<ReturnType<typeof fresh>>['database'];
  beforeAll(async () => {
    const made = await fresh();
    removeDatabase = made.remove;
    database = made.database;
    party = await openAccounts(database);
    other = await openAccounts(database);
    await party.accounts.seedAdmin('admin', PASSWORD, NOW);
  });
  afterAll(async () => {
    await Promise.all([party.store.close(), other.store.close()]);
    await removeDatabase();
  });

  let name: string;
  let caller: SignedIn;
  let secret: string;
  let recoveryCodes: string[];
  beforeEach(async () => {
    name = `u${randomUUID().slice(0, 8)}`;
    await party.accounts.createUser(ADMIN, { username: name, password: PASSWORD, role: 'user' }, NOW);
    const { token } = await party.accounts.login(name, PASSWORD, NOW);
    caller = await party.accounts.authenticate(token, NOW);
    ({ secret } = await party.accounts.secondFactor.start(caller, PASSWORD, NOW));
    recoveryCodes = await party.accounts.secondFactor.confirm(caller, codeOf(secret, NOW), NOW);
  });
  const login = (code: string | undefined, now: Date, accounts = party.accounts) =>
    accounts.login(name, PASSWORD, now, '192.0.2.1', code);
  const auditOf = async (action: string) => await party.store.tables.audit.list({ subject: name, action, limit: 20 });

  it('is asked for beside the right password only, at both doors', async () => {
    const later = secondsLater(60);
    await expect(login(undefined, later)).rejects.toMatchObject({ code: 'second_factor_needed' });
    await expect(party.accounts.sessions.open(name, PASSWORD, HOME, later)).rejects.toMatchObject({
      code: 'second_factor_needed',
    });
    for (const code of [undefined, codeOf(secret, later)]) {
      await expect(party.accounts.login(name, 'mistaken', later, undefined, code)).rejects.toMatchObject({
        code: 'invalid_grant',
        message: 'the user name or the password is wrong',
      });
    }
    expect(await login(codeOf(secret, later), later)).toMatchObject({ token: expect.any(String) });
    const next = secondsLater(120);
    expect(await party.accounts.sessions.open(name, PASSWORD, HOME, next, codeOf(secret, next))).toMatchObject({
      refreshToken: expect.any(String),
    });
  });

  it('is not asked for until a first code was right', async () => {
    const fresh = `f${randomUUID().slice(0, 8)}`;
    await party.accounts.createUser(ADMIN, { username: fresh, password: PASSWORD, role: 'user' }, NOW);
    const { token } = await party.accounts.login(fresh, PASSWORD, NOW);
    const signedIn = await party.accounts.authenticate(token, NOW);
    const first = await party.accounts.secondFactor.start(signedIn, PASSWORD, NOW);
    const second = await party.accounts.secondFactor.start(signedIn, PASSWORD, NOW);
    expect(first.secret).not.toBe(second.secret);
    expect(second.uri).toBe(
      `otpauth://totp/Berth:${fresh}?issuer=Berth&secret=${second.secret}&algorithm=SHA1&digits=6&period=30`,
    );
    await expect(party.accounts.secondFactor.confirm(signedIn, codeOf(first.secret, NOW), NOW)).rejects.toMatchObject({
      code: 'wrong_code',
    });
    expect(await party.accounts.login(fresh, PASSWORD, NOW)).toMatchObject({ token: expect.any(String) });
    await party.accounts.secondFactor.confirm(signedIn, codeOf(second.secret, NOW), NOW);
    await expect(party.accounts.login(fresh, PASSWORD, NOW)).rejects.toMatchObject({ code: 'second_factor_needed' });
  });

  it('takes each code once, the first one included, in whatever process, and none before it', async () => {
    await expect(login(codeOf(secret, NOW), NOW)).rejects.toMatchObject(REFUSED);
    const later = secondsLater(60);
    await login(codeOf(secret, later), later);
    await expect(login(codeOf(secret, later), later)).rejects.toMatchObject(REFUSED);
    await expect(login(codeOf(secret, later), later, other.accounts)).rejects.toMatchObject(REFUSED);
    await expect(login(codeOf(secret, secondsLater(30)), later)).rejects.toMatchObject(REFUSED);
  });

  it.each([
    ['an app', () => codeOf(secret, secondsLater(60))],
    ['a list of recovery codes', () => recoveryCodes[0] as string],
  ])('lets one of many in that bring the same code of %s at the same moment', async (_, code) => {
    const same = code();
    const tries = Array.from({ length: 10 }, (__, i) =>
      login(same, secondsLater(60), (i % 2 === 0 ? party : other).accounts),
    );
    const outcomes = await Promise.allSettled(tries);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(REFUSED);
  });

  it('allows clocks that are one step off, and no more', async () => {
    const at = secondsLater(600);
    for (const off of [-60, 60]) {
      await expect(login(codeOf(secret, secondsLater(600 + off)), at)).rejects.toMatchObject(REFUSED);
    }
    for (const off of [-30, 0, 30]) {
      expect(await login(codeOf(secret, secondsLater(600 + off)), at)).toMatchObject({ token: expect.any(String) });
    }
  });

  it('takes each recovery code once, however it is typed, and says so in the audit log', async () => {
    const [first = '', second = ''] = recoveryCodes;
    expect(new Set(recoveryCodes).size).toBe(10);
    expect(first).toMatch(/^([a-z0-9]{4}-){3}[a-z0-9]{4}$/);
    await login(first, NOW);
    await expect(login(first, NOW)).rejects.toMatchObject(REFUSED);
    await login(second.toUpperCase().replaceAll('-', ' '), NOW);
    const used = await auditOf('user.recovery_code_used');
    expect(used.map(({ details }) => details)).toEqual([{ left: 8 }, { left: 9 }]);
    expect(used[0]?.origin).toMatchObject({ address: '192.0.2.1' });
  });

  it('has new recovery codes made, which end the old ones', async () => {
    const renew = (password: string, code: string) =>
      party.accounts.secondFactor.renewCodes(caller, password, code, secondsLater(60));
    const code = codeOf(secret, secondsLater(60));
    await expect(renew('mistaken', code)).rejects.toMatchObject({ code: 'wrong_password' });
    await expect(renew(PASSWORD, wrongOf(secret, NOW))).rejects.toMatchObject({ code: 'wrong_code' });
    const made = await renew(PASSWORD, code);
    await expect(login(recoveryCodes[0], NOW)).rejects.toMatchObject(REFUSED);
    await login(made[0], NOW);
  });

  it('is turned off with password and code, and cannot be begun anew before', async () => {
    const { secondFactor } = party.accounts;
    const later = secondsLater(60);
    await expect(secondFactor.start(caller, PASSWORD, later)).rejects.toMatchObject({ code: 'conflict' });
    await expect(secondFactor.turnOff(caller, 'mistaken', codeOf(secret, later), later)).rejects.toMatchObject({
      code: 'wrong_password',
    });
    await expect(secondFactor.turnOff(caller, PASSWORD, 'abcdef', later)).rejects.toMatchObject({ code: 'wrong_code' });
    await secondFactor.turnOff(caller, PASSWORD, codeOf(secret, later), later);
    expect(await login(undefined, later)).toMatchObject({ token: expect.any(String) });
    expect(await party.store.tables.secondFactors.countCodes(caller.id)).toBe(0);
    expect(await auditOf('user.second_factor_on')).toHaveLength(1);
    expect(await auditOf('user.second_factor_off')).toHaveLength(1);
  });

  it('is removed by an admin, and with its user', async () => {
    const seen = async () => (await party.accounts.listUsers()).find(({ username }) => username === name);
    expect(await seen()).toMatchObject({ secondFactor: true });
    await party.accounts.updateUser(ADMIN, name, { secondFactor: false }, NOW);
    expect(await seen()).toMatchObject({ secondFactor: false });
    expect(await login(undefined, NOW)).toMatchObject({ token: expect.any(String) });
    expect(await auditOf('user.second_factor_reset')).toHaveLength(1);

    await party.accounts.secondFactor.start(caller, PASSWORD, NOW);
    await party.accounts.deleteUser(ADMIN, name, NOW);
    expect(await party.store.tables.secondFactors.of(caller.id)).toBeUndefined();
  });

  it('slows down guessing: wrong codes are counted as wrong passwords are', async () => {
    const { throttle } = party.accounts;
    const at = secondsLater(90);
    const guess = (code: string | undefined) => throttle.guard('203.0.113.7', name, at, () => login(code, at));
    for (let i = 0; i < 10; i++) {
      await expect(guess(wrongOf(secret, at))).rejects.toMatchObject(REFUSED);
      if (i < 9) await expect(guess(undefined)).rejects.toMatchObject({ code: 'second_factor_needed' });
    }
    await expect(guess(codeOf(secret, at))).rejects.toMatchObject({ code: 'too_many_requests' });
  });

  it('whose key is lost lets recovery codes in, and says so of codes of the app', async () => {
    const keyless = await openAccounts(database, Buffer.alloc(32, 99));
    try {
      await expect(login(codeOf(secret, secondsLater(60)), secondsLater(60), keyless.accounts)).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('recovery code'),
      });
      expect(await login(recoveryCodes[0], NOW, keyless.accounts)).toMatchObject({ token: expect.any(String) });
      await expect(login(recoveryCodes[0], NOW, keyless.accounts)).rejects.toMatchObject(REFUSED);
    } finally {
      await keyless.store.close();
    }
  });

  it('is sealed in the database, with the key of today after a change of keys', async () => {
    const rows = await party.store.tables.secondFactors.of(caller.id);
    expect(rows).toEqual({ secret, on: true });
    const keys = [Buffer.alloc(32, 7), Buffer.alloc(32, 8)] as const;
    const [old, fresh] = keys;
    const connect = { database, connectRetries: 0, connectRetrySeconds: 0 };
    const both = await openStore({ ...connect, secretKey: fresh, oldSecretKeys: [old] });
    const alone = await openStore({ ...connect, secretKey: fresh });
    const back = await openStore({ ...connect, secretKey: old, oldSecretKeys: [fresh] });
    try {
      expect(await alone.tables.secondFactors.of(caller.id)).toEqual({ secret: null, on: true });
      expect((await alone.tables.secondFactors.reseal()).closed).toContainEqual({
        userId: caller.id,
        keyId: sealKeyId(old),
      });
      const { moved, closed } = await both.tables.secondFactors.reseal();
      expect(moved).toBeGreaterThan(0);
      expect(closed).toEqual([]);
      expect(await alone.tables.secondFactors.of(caller.id)).toEqual({ secret, on: true });
      expect(keyIdOf(secret)).toBe('');
    } finally {
      await back.tables.secondFactors.reseal();
      await Promise.all([both, alone, back].map((store) => store.close()));
    }
  });
});
