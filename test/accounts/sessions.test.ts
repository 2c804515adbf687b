import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Browser, Renewed } from '#core/accounts/sessions.ts';
import type { SignedIn } from '#core/accounts/signed-in.ts';
import type { Session } from '#core/store/sessions.ts';
import { databases } from '../support/databases.ts';
import { ADMIN, LENIENT } from '../support/test-pool.ts';
import { minutesLater, NOW, openAccounts, PASSWORD } from './test-accounts.ts';

const HOME: Browser = { address: '192.0.2.1', userAgent: 'Firefox' };
const THIEF: Browser = { address: '203.0.113.9', userAgent: 'curl' };
const OVER = { code: 'invalid_grant' };
const secondsLater = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);
const DAY = 24 * 60;

describe.each(databases)('sessions on $name', ({ fresh }) => {
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
  beforeEach(async () => {
    name = `u${randomUUID().slice(0, 8)}`;
    await party.accounts.createUser(ADMIN, { username: name, password: PASSWORD, role: 'user' }, NOW);
  });
  const open = (now = NOW): Promise<Renewed> => party.accounts.sessions.open(name, PASSWORD, HOME, now);
  const renew = (from: Renewed, now: Date, browser = HOME) =>
    party.accounts.sessions.renew(from.refreshToken, browser, now);
  const caller = (from: Renewed, now = NOW): Promise<SignedIn> => party.accounts.authenticate(from.token, now);
  const auditOf = async (action: string) => await party.store.tables.audit.list({ subject: name, action, limit: 10 });

  it('go on from token to token, and the database holds none of them', async () => {
    const first = await open();
    expect(await caller(first)).toMatchObject({ name, role: 'user' });
    const second = await renew(first, minutesLater(50));
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(await caller(second, minutesLater(100))).toMatchObject({ name });
    const third = await renew(second, minutesLater(20 * DAY));
    expect(await caller(third, minutesLater(20 * DAY))).toMatchObject({ name });
    const [session] = await party.accounts.sessions.list(await caller(third, minutesLater(20 * DAY)), NOW);
    const row = await party.store.tables.sessions.byId(session?.id as string);
    for (const { refreshToken } of [first, second, third]) {
      expect(JSON.stringify(row)).not.toContain(refreshToken.split('.')[1]);
    }
  });

  it('run out 30 days after their last use', async () => {
    const first = await open();
    const second = await renew(first, minutesLater(29 * DAY));
    await expect(renew(second, minutesLater(59 * DAY))).rejects.toMatchObject(OVER);
  });

  it('a token used twice within ten seconds gets the same next one, as two tabs and a lost answer need it', async () => {
    const first = await open();
    const [a, b] = await Promise.all([renew(first, NOW), renew(first, NOW)]);
    expect(b.refreshToken).toBe(a.refreshToken);
    const late = await renew(first, secondsLater(10));
    expect(late.refreshToken).toBe(a.refreshToken);
    expect(await caller(late)).toMatchObject({ name });
    await renew(a, secondsLater(20));
    expect(await auditOf('session.stolen')).toHaveLength(0);
  });

  it('a token used again later ends the session for both, at once, and says so in the audit log', async () => {
    const first = await open();
    const other = await open();
    const second = await renew(first, minutesLater(1));
    await expect(renew(first, new Date(minutesLater(1).getTime() + 10_001), THIEF)).rejects.toMatchObject(OVER);
    await expect(renew(second, minutesLater(2))).rejects.toMatchObject(OVER);
    for (const { token } of [first, second]) {
      await expect(party.accounts.authenticate(token, minutesLater(2))).rejects.toMatchObject({ code: 'unauthorized' });
    }
    expect(await auditOf('session.stolen')).toMatchObject([{ details: { used_from: THIEF.address } }]);
    expect(JSON.stringify(await auditOf('session.stolen'))).not.toContain(first.refreshToken.slice(37));
    // Another session of the same user has nothing to do with it.
    expect(await caller(await renew(other, minutesLater(3)), minutesLater(3))).toMatchObject({ name });
  });

  it('an old token of several steps ago, and one that is made up, end it as well', async () => {
    for (const bad of [(token: string) => token, (token: string) => `${token.slice(0, 37)}${'A'.repeat(43)}`]) {
      const first = await open();
      let last = first;
      for (const minute of [1, 2, 3]) last = await renew(last, minutesLater(minute));
      await expect(
        party.accounts.sessions.renew(bad(first.refreshToken), THIEF, minutesLater(3)),
      ).rejects.toMatchObject(OVER);
      await expect(renew(last, minutesLater(4))).rejects.toMatchObject(OVER);
    }
  });

  it.each(['', 'x', '.', randomUUID(), `${randomUUID()}.${'A'.repeat(43)}`, 'a'.repeat(100_000)])(
    'no session is found by %.40s',
    async (text) => {
      await expect(party.accounts.sessions.renew(text, HOME, NOW)).rejects.toMatchObject(OVER);
      await party.accounts.sessions.close(text, HOME, NOW);
    },
  );

  it('of 20 uses of one token at the same moment all get one next token, and nobody is called a thief', async () => {
    const first = await open();
    const answers = await Promise.all(Array.from({ length: 20 }, () => renew(first, NOW)));
    expect(new Set(answers.map(({ refreshToken }) => refreshToken)).size).toBe(1);
    expect(await auditOf('session.stolen')).toHaveLength(0);
  });

  it('end with a sign-out, and only that one', async () => {
    const [mine, other] = [await open(), await open()];
    await party.accounts.sessions.close(mine.refreshToken, HOME, NOW);
    await expect(renew(mine, NOW)).rejects.toMatchObject(OVER);
    await expect(caller(mine)).rejects.toMatchObject({ code: 'unauthorized' });
    expect(await caller(other)).toMatchObject({ name });
    expect(await auditOf('session.ended')).toHaveLength(1);
  });

  it('can be seen and ended by their user, and by nobody else', async () => {
    const [mine, other] = [await open(), await open(minutesLater(5))];
    const me = await caller(mine);
    const list = await party.accounts.sessions.list(me, NOW);
    expect(list.map(({ current }) => current)).toEqual([false, true]);
    expect(list[1]).toMatchObject({ ...HOME, createdAt: NOW, lastUsedAt: NOW });
    const foreign = await party.accounts.sessions.open('admin', PASSWORD, HOME, NOW);
    const admin = await caller(foreign);
    const id = list[0]?.id as string;
    await expect(party.accounts.sessions.end(admin, id, NOW)).rejects.toMatchObject({ code: 'not_found' });
    await party.accounts.sessions.end(me, id, NOW);
    await expect(party.accounts.sessions.end(me, id, NOW)).rejects.toMatchObject({ code: 'not_found' });
    await expect(caller(other, minutesLater(5))).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(renew(other, minutesLater(6))).rejects.toMatchObject(OVER);
    expect(await caller(mine)).toMatchObject({ name });
  });

  it('all of them and all tokens end at once when their user asks for it', async () => {
    const [mine, other] = [await open(), await open()];
    const { token } = await party.accounts.login(name, PASSWORD, NOW);
    await party.accounts.sessions.endAll(await caller(mine), NOW);
    for (const one of [mine.token, other.token, token]) {
      await expect(party.accounts.authenticate(one, NOW)).rejects.toMatchObject({ code: 'unauthorized' });
    }
    for (const one of [mine, other]) await expect(renew(one, NOW)).rejects.toMatchObject(OVER);
  });

  it.each([
    ['disabled', { disabled: true }],
    ['given another role', { role: 'admin' }],
    ['given another password', { password: 'another-password' }],
  ] as const)('end when their user is %s by an admin', async (_, changes) => {
    const mine = await open();
    await party.accounts.updateUser(ADMIN, name, changes, NOW);
    await expect(caller(mine)).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(renew(mine, NOW)).rejects.toMatchObject(OVER);
  });

  it('end with their user, also for a new user of the same name', async () => {
    const mine = await open();
    await party.accounts.sshKeys.add(await caller(mine), 'laptop', KEY, NOW);
    await party.accounts.deleteUser(ADMIN, name, NOW);
    await party.accounts.createUser(ADMIN, { username: name, password: PASSWORD, role: 'user' }, NOW);
    await expect(renew(mine, NOW)).rejects.toMatchObject(OVER);
    expect(await party.accounts.sshKeys.list(await caller(await open()))).toEqual([]);
  });

  it('a sign-in during a change of the password is not good after it', async () => {
    const mine = await open();
    const session = await party.store.tables.sessions.byId((await caller(mine)).sessionId as string);
    // As if this row had been written a moment after the change.
    await party.accounts.updateUser(ADMIN, name, { password: 'another-password' }, NOW);
    await party.store.tables.sessions.insert(session as NonNullable<typeof session>);
    await expect(renew(mine, NOW)).rejects.toMatchObject(OVER);
  });

  it('the 51st session of a user ends the one that was used longest ago', async () => {
    const first = await open();
    const { sessionId } = await caller(first);
    const session = (await party.store.tables.sessions.byId(sessionId as string)) as Session;
    for (let i = 1; i < 50; i++) {
      await party.store.tables.sessions.insert({ ...session, id: randomUUID(), lastUsedAt: minutesLater(i) });
    }
    const last = await open(minutesLater(60));
    expect(await party.accounts.sessions.list(await caller(last, minutesLater(60)), NOW)).toHaveLength(50);
    await expect(renew(first, minutesLater(60))).rejects.toMatchObject(OVER);
  });

  describe('the own password', () => {
    const change = async (from: Renewed, old: string, to: string) =>
      party.accounts.profile.changePassword(await caller(from), old, to, NOW);

    it('is changed with the old one; other sessions and all tokens end, the own session goes on', async () => {
      const [mine, other] = [await open(), await open()];
      const { token } = await party.accounts.login(name, PASSWORD, NOW);
      const me = await caller(mine);
      await change(mine, PASSWORD, 'new-password');
      for (const one of [mine.token, other.token, token]) {
        await expect(party.accounts.authenticate(one, NOW)).rejects.toMatchObject({ code: 'unauthorized' });
      }
      await expect(renew(other, NOW)).rejects.toMatchObject(OVER);
      expect(await caller(await renew(mine, NOW))).toMatchObject({ name });
      expect(await party.accounts.stillSignedIn({ ...me, userId: me.id })).toBe(true);
      await expect(party.accounts.login(name, PASSWORD, NOW)).rejects.toMatchObject(OVER);
      await party.accounts.login(name, 'new-password', NOW);
    });

    it('is not changed with a wrong old one, to the same one, or to a malformed one', async () => {
      const mine = await open();
      await expect(change(mine, 'wrong', 'new-password')).rejects.toMatchObject({ code: 'wrong_password' });
      await expect(change(mine, PASSWORD, PASSWORD)).rejects.toMatchObject({ code: 'invalid_request' });
      await expect(change(mine, PASSWORD, 'a\nb')).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringMatching(/^new_password: /),
      });
      await party.accounts.login(name, PASSWORD, NOW);
      expect(await caller(mine)).toMatchObject({ name });
    });

    it('of two changes at the same moment one is refused', async () => {
      const mine = await open();
      const outcomes = await Promise.allSettled([change(mine, PASSWORD, 'one'), change(mine, PASSWORD, 'two')]);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    });

    it('is known to be the shipped one, until it is changed', async () => {
      await party.accounts.updateUser(ADMIN, name, { password: 'change-me' }, NOW);
      const mine = await party.accounts.sessions.open(name, 'change-me', HOME, NOW);
      expect(await party.accounts.profile.show(await caller(mine))).toEqual({
        createdAt: NOW,
        hasPassword: true,
        hasShippedPassword: true,
        hasWeakPassword: true,
        passwordRules: LENIENT,
        secondFactor: false,
        recoveryCodesLeft: 0,
      });
      await change(mine, 'change-me', 'mine is long now');
      const after = await caller(await renew(mine, NOW));
      expect(await party.accounts.profile.show(after)).toMatchObject({
        hasShippedPassword: false,
        hasWeakPassword: false,
      });
    });
  });

  describe('SSH keys', () => {
    it('are kept by name, told by their fingerprint, and are their user’s alone', async () => {
      const me = await caller(await open());
      const key = await party.accounts.sshKeys.add(me, ' laptop ', `${KEY}  me@laptop `, NOW);
      expect(key).toMatchObject({ name: 'laptop', publicKey: `${KEY} me@laptop`, fingerprint: FINGERPRINT });
      expect(await party.accounts.sshKeys.list(me)).toEqual([key]);
      const conflict = { code: 'conflict' };
      await expect(party.accounts.sshKeys.add(me, 'laptop', OTHER_KEY, NOW)).rejects.toMatchObject(conflict);
      await expect(party.accounts.sshKeys.add(me, 'other', KEY, NOW)).rejects.toMatchObject(conflict);
      const admin = await caller(await party.accounts.sessions.open('admin', PASSWORD, HOME, NOW));
      const missing = { code: 'not_found' };
      await expect(party.accounts.sshKeys.remove(admin, key.id, NOW)).rejects.toMatchObject(missing);
      await party.accounts.sshKeys.remove(me, key.id, NOW);
      await expect(party.accounts.sshKeys.remove(me, key.id, NOW)).rejects.toMatchObject(missing);
    });

    it.each([
      'ssh-ed25519',
      'ssh-ed25519 AAAA',
      `ssh-rsa ${KEY.split(' ')[1]}`,
      'ssh-ed25519 ????',
      `from="*" ${KEY}`,
      '',
    ])('%.40s is none', async (text) => {
      const me = await caller(await open());
      await expect(party.accounts.sshKeys.add(me, 'k', text, NOW)).rejects.toMatchObject({ code: 'invalid_request' });
    });

    it('are at most 50, also when many are added at the same moment', async () => {
      const me = await caller(await open());
      const added = await Promise.allSettled(
        Array.from({ length: 54 }, (_, i) => party.accounts.sshKeys.add(me, `k${i}`, madeUpKey(i), NOW)),
      );
      expect(added.filter(({ status }) => status === 'fulfilled')).toHaveLength(50);
      expect(await party.accounts.sshKeys.list(me)).toHaveLength(50);
    });
  });
});

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJXHJTkIy3XvcnAqrX9d4Y3UkbuGCJ7yrc3GJ0vJc1Nq';
const OTHER_KEY = madeUpKey(77);
/** Of KEY, from `ssh-keygen -l`. */
const FINGERPRINT = 'SHA256:6g3r9kZgNru/YiWpxFuSWEzM8knyO/6YO3wL/wMp6Sg';

function madeUpKey(n: number): string {
  const part = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const blob = Buffer.concat([part(Buffer.from('ssh-ed25519')), part(Buffer.alloc(32, n))]);
  return `ssh-ed25519 ${blob.toString('base64')}`;
}
