import { createHash, createHmac, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Route, type RouteName, routes } from '#contract/routes.ts';
import { SCOPES, type Scope } from '#core/domain/scope.ts';
import { openTestApi, PASSWORD, type TestApi } from '../support/test-api.ts';
import { CALLERS, TABLE } from './permission-table.ts';

const SECRET = Buffer.alloc(32, 9);
const names = Object.keys(routes) as RouteName[];

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
  await api.core.addMachines(3);
});
afterAll(() => api.close());

const seconds = () => Math.floor(api.core.now().getTime() / 1000);
const userNamed = async (name: string) => {
  const user = await api.core.store.tables.users.byName(name);
  if (!user) throw new Error(`no user ${name}`);
  return user;
};

/** Puts an API token into the database past all checks, and answers it. */
async function writeApiToken(username: string, scopes: readonly Scope[], more: { expiresAt?: Date } = {}) {
  const { id: userId } = await userNamed(username);
  const token = `berth_${randomBytes(32).toString('base64url')}`;
  const id = randomUUID();
  await api.core.store.tables.apiTokens.insert({
    id,
    userId,
    name: id,
    hash: createHash('sha256').update(token).digest('hex'),
    scopes,
    createdAt: api.core.now(),
    expiresAt: new Date(api.core.now().getTime() + 24 * 3600_000),
    lastUsedAt: null,
    ...more,
  });
  return { token, id };
}

/** A JWT put together by hand. */
function handMade(header: object, claims: object, sign: (input: string) => Buffer): string {
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${input}.${sign(input).toString('base64url')}`;
}

/** Tokens of admins, each of which must be as good as none, by what is wrong with it. */
async function uselessTokens(): Promise<Record<string, string>> {
  const admin = await userNamed('admin');
  const { core } = api;
  for (const username of ['was-disabled', 'was-deleted']) {
    await api.accounts.createUser(core.admin, { username, password: PASSWORD, role: 'admin' }, core.now());
  }
  const disabled = await api.token('was-disabled');
  const disabledApi = await writeApiToken('was-disabled', SCOPES);
  await api.accounts.updateUser(core.admin, 'was-disabled', { disabled: true }, core.now());
  const deleted = await api.token('was-deleted');
  const deletedApi = await writeApiToken('was-deleted', SCOPES);
  await api.accounts.deleteUser(core.admin, 'was-deleted', core.now());
  const revoked = await writeApiToken('admin', SCOPES);
  await api.accounts.apiTokens.revokeOf(core.admin, 'admin', revoked.id, core.now());

  const good = await api.token('admin');
  const [header = '', claims = '', signature = ''] = good.split('.');
  const read = JSON.parse(Buffer.from(claims, 'base64url').toString());
  const bob = await api.token('bob');
  const elevated = Buffer.from(JSON.stringify({ ...read, sub: admin.id })).toString('base64url');
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicText = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const hmac = (key: string | Buffer) => (input: string) => createHmac('sha256', key).update(input).digest();
  return {
    'JWT of a disabled user': disabled,
    'API token of a disabled user': disabledApi.token,
    'JWT of a deleted user': deleted,
    'API token of a deleted user': deletedApi.token,
    'expired JWT': await new SignJWT({ ver: admin.tokenVersion })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setSubject(admin.id)
      .setIssuer('berth')
      .setAudience('berth-api')
      .setExpirationTime(seconds() - 1)
      .sign(SECRET),
    'JWT with another signature': [header, claims, signature.split('').toReversed().join('')].join('.'),
    "JWT of a user with an admin's claims": [bob.split('.')[0], elevated, bob.split('.')[2]].join('.'),
    'alg:none': new UnsecuredJWT(read).encode(),
    'alg:None with the signature of a good one': [
      Buffer.from('{"alg":"None","typ":"JWT"}').toString('base64url'),
      claims,
      signature,
    ].join('.'),
    'RS256 in the header, signed with the secret': handMade({ alg: 'RS256', typ: 'JWT' }, read, hmac(SECRET)),
    'RS256 in the header, signed by HS256 with a public key': handMade(
      { alg: 'RS256', typ: 'JWT' },
      read,
      hmac(publicText),
    ),
    'HS256 signed with a public key': handMade({ alg: 'HS256', typ: 'JWT' }, read, hmac(publicText)),
    'HS256 signed with an empty key': handMade({ alg: 'HS256', typ: 'JWT' }, read, hmac('')),
    'HS256 with a key of its own in the header': handMade(
      { alg: 'HS256', typ: 'JWT', jwk: { kty: 'oct', k: Buffer.from('mine').toString('base64url') } },
      read,
      hmac('mine'),
    ),
    'expired API token': (await writeApiToken('admin', SCOPES, { expiresAt: api.core.now() })).token,
    'revoked API token': revoked.token,
    'API token that was never made': `berth_${randomBytes(32).toString('base64url')}`,
    'digest of an API token': createHash('sha256').update(revoked.token).digest('hex'),
  };
}

type Asked = { readonly url: string; readonly body?: unknown; readonly headers?: Record<string, string> };
let made = 0;

/** A request to a route that is right in all but who makes it, about something of alice's that was made for it. */
async function askFor(name: RouteName): Promise<Asked> {
  const { core, accounts } = api;
  const now = core.now();
  const path = routes[name].path;
  made += 1;
  const alice = {
    ...(await userNamed('alice')),
    kind: 'user',
    name: 'alice',
    sessionId: null,
    apiToken: null,
  } as const;
  const credentials = { username: 'alice', password: PASSWORD };
  const holding = async () => {
    await core.settle();
    const { id, machines } = await core.reserve(alice, 1);
    const machine = machines[0]?.machine as string;
    return { id, machine, url: path.replace(':id', id).replace(':machine', machine) };
  };
  const someUser = async (service: boolean) => {
    const username = `user-${made}`;
    await accounts.createUser(core.admin, { username, password: service ? null : PASSWORD, role: 'user' }, now);
    return { username, url: path.replace(':username', username) };
  };
  switch (name) {
    case 'login':
    case 'openSession':
      return { url: path, body: credentials };
    case 'refreshSession':
    case 'closeSession':
      return { url: path, headers: { 'x-berth-refresh': '1' } };
    case 'changePassword':
      return { url: path, body: { old_password: 'not this one', new_password: 'another long password' } };
    case 'startSecondFactor':
      return { url: path, body: { password: PASSWORD } };
    case 'confirmSecondFactor':
      for (const username of ['alice', 'bob', 'admin']) {
        await core.store.tables.secondFactors.removeOf((await userNamed(username)).id);
      }
      return { url: path, body: { code: '123456' } };
    case 'renewRecoveryCodes':
    case 'endSecondFactor':
      return { url: path, body: { password: PASSWORD, code: '123456' } };
    case 'endSession': {
      await accounts.sessions.open('alice', PASSWORD, { address: '192.0.2.1', userAgent: 'test' }, now);
      return { url: path.replace(':id', (await accounts.sessions.list(alice, now))[0]?.id as string) };
    }
    case 'addSshKey':
      return { url: path, body: { name: `key ${made}`, public_key: newPublicKey() } };
    case 'deleteSshKey':
      return { url: path.replace(':id', (await accounts.sshKeys.add(alice, `key ${made}`, newPublicKey(), now)).id) };
    case 'createApiToken':
      return { url: path, body: { name: `token ${made}`, scopes: ['read'], expires_in_days: 1 } };
    case 'revokeApiToken':
      return { url: path.replace(':id', (await writeApiToken('alice', ['read'])).id) };
    case 'createApiTokenFor': {
      const { url } = await someUser(true);
      return { url, body: { name: 'ci', scopes: ['read'], expires_in_days: 1 } };
    }
    case 'revokeApiTokenOf': {
      const { username, url } = await someUser(false);
      return { url: url.replace(':id', (await writeApiToken(username, ['read'])).id) };
    }
    case 'listApiTokensOf':
    case 'getUser':
    case 'deleteUser':
      return { url: (await someUser(false)).url };
    case 'updateUser':
      return { url: (await someUser(false)).url, body: { disabled: true } };
    case 'createUser':
      return { url: path, body: { username: `user-${made}`, service: true } };
    case 'registerMachine':
      return {
        url: path,
        body: { name: `made-${made}`, host: '10.9.9.9', port: 1000 + made, user: 'root', password: 'test' },
      };
    case 'getMachine':
    case 'machineHistory':
      return { url: path.replace(':name', 'm1') };
    case 'updateMachine':
      return { url: path.replace(':name', 'm1'), body: { labels: [`l${made}`] } };
    case 'verifyMachine':
      return { url: path.replace(':name', 'm1'), body: {} };
    case 'deleteMachine': {
      const machine = { name: `gone-${made}`, host: '10.8.8.8', port: 1000 + made, user: 'root' };
      await core.pool.registerMachine(core.admin, { ...machine, credential: { kind: 'password', password: 'x' } }, now);
      await core.settle();
      return { url: path.replace(':name', machine.name) };
    }
    case 'reserve':
      await core.settle();
      return { url: path };
    case 'createReservation':
      await core.settle();
      return { url: path, body: { count: 1 } };
    case 'getReservation':
    case 'release':
    case 'releaseMachine':
      return { url: (await holding()).url };
    case 'extend':
      return { url: (await holding()).url, body: { minutes: 1 } };
    case 'createTerminalTicket': {
      const { id, machine } = await holding();
      return { url: path, body: { reservation_id: id, machine } };
    }
    case 'timeline':
      return { url: `${path}?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z` };
    case 'userLimits':
      return { url: (await someUser(false)).url };
    case 'changeUserLimits':
      return { url: (await someUser(false)).url, body: { machines: 5 } };
    case 'roleLimits':
      return { url: path.replace(':role', 'user') };
    case 'changeRoleLimits':
      return { url: path.replace(':role', 'user'), body: { minutes: null } };
    default:
      return { url: path };
  }
}

function newPublicKey(): string {
  const blob = Buffer.concat([
    Buffer.from([0, 0, 0, 11]),
    Buffer.from('ssh-ed25519'),
    Buffer.from([0, 0, 0, 32]),
    randomBytes(32),
  ]);
  return `ssh-ed25519 ${blob.toString('base64')}`;
}

async function statusOf(name: RouteName, { url, body, headers }: Asked, token: string | null): Promise<number> {
  const { method } = routes[name] as Route;
  if (name !== 'events') return (await api.call(token, method, url, body, headers)).status;
  // A stream does not end by itself.
  const answer = await api.app.inject({
    method: 'GET',
    url,
    payloadAsStream: true,
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
  });
  answer.raw.res.destroy();
  return answer.statusCode;
}

describe('every route', () => {
  let apiTokens: Record<string, string>;
  let useless: Record<string, string>;
  beforeAll(async () => {
    useless = await uselessTokens();
    apiTokens = {};
    for (const username of ['alice', 'admin']) {
      for (const scope of SCOPES) apiTokens[`${username} ${scope}`] = (await writeApiToken(username, [scope])).token;
    }
  });

  it('has an entry in the table, and the table has no others', () => {
    expect(Object.keys(TABLE).toSorted()).toEqual(names.toSorted());
    for (const answers of Object.values(TABLE)) expect(answers).toHaveLength(CALLERS.length);
  });

  it.each(names)('%s: lets in whom it should, with the scope that it should, and nobody else', async (name) => {
    let asked = await askFor(name);
    const people: Record<string, string | null> = { nobody: null };
    for (const username of ['alice', 'bob', 'admin']) people[username] = await api.token(username);
    for (const [index, caller] of CALLERS.entries()) {
      const expected = TABLE[name][index] as number;
      const refused = [401, 403, 404].includes(expected);
      const before = await api.picture();
      const status = await statusOf(name, asked, people[caller] ?? apiTokens[caller] ?? null);
      expect(status, caller).toBe(expected);
      if (refused) expect(await api.picture(), `${caller}: a refused call changes nothing`).toBe(before);
      else {
        await api.core.pool.releaseAll(api.core.admin, api.core.now());
        await api.core.settle();
        asked = await askFor(name);
      }
    }
    await api.core.pool.releaseAll(api.core.admin, api.core.now());
    await api.core.settle();
  });

  it.each(names)('%s: a token that is not good any more, or never was, is as good as none', async (name) => {
    const asked = await askFor(name);
    const asNobody = TABLE[name][CALLERS.indexOf('nobody')];
    for (const [what, token] of Object.entries(useless)) {
      const before = await api.picture();
      expect(await statusOf(name, asked, token), what).toBe(asNobody);
      expect(await api.picture(), `${what}: a refused call changes nothing`).toBe(before);
    }
    await api.core.pool.releaseAll(api.core.admin, api.core.now());
    await api.core.settle();
  });

  it('must have a permission: a server with a route that has none does not start', async () => {
    for (const missing of ['access', 'scope'] as const) {
      const { [missing]: _, ...rest } = routes.whoami as Route;
      vi.resetModules();
      vi.doMock('#contract/routes.ts', () => ({ routes: { ...routes, whoami: rest } }));
      try {
        const { openTestApi: open } = await import('../support/test-api.ts');
        await expect(open()).rejects.toThrow('route whoami has no permission');
      } finally {
        vi.doUnmock('#contract/routes.ts');
        vi.resetModules();
      }
    }
  });
});

describe('a reservation of somebody else', () => {
  it('can be seen, extended and ended by its holder and by admins only', async () => {
    const alice = await api.token('alice');
    const bob = await api.token('bob');
    const admin = await api.token('admin');
    const made = await api.call(alice, 'POST', '/api/reservations', { count: 2, reservation_password: 'test' });
    expect(made.status).toBe(201);
    const url = `/api/reservations/${made.body.reservation_id}`;
    const machine = made.body.machines[0].machine;
    for (const [method, path, body] of [
      ['GET', url, undefined],
      ['DELETE', url, undefined],
      ['DELETE', `${url}/machines/${machine}`, undefined],
      ['POST', `${url}/extend`, { minutes: 5 }],
    ] as const) {
      expect((await api.call(bob, method, path, body)).status, `${method} by another user`).toBe(404);
    }
    const seenByBob = (await api.call(bob, 'GET', '/api/reservations')).body.reservations;
    expect(seenByBob[0]).toMatchObject({ holder: 'alice', host: null, port: null, username: null });
    const seenByAdmin = (await api.call(admin, 'GET', '/api/reservations')).body.reservations;
    expect(seenByAdmin[0].host).toMatch(/^10\./);
    expect((await api.call(bob, 'GET', '/api/reservations?mine=true')).body.reservations).toEqual([]);
    expect((await api.call(admin, 'POST', `${url}/extend`, { minutes: 5 })).status).toBe(200);
    expect((await api.call(admin, 'DELETE', url)).body).toMatchObject({ end_reason: 'released_by_admin' });
    await api.core.settle();
    expect((await api.call(alice, 'GET', url)).body.state).toBe('ended');
  });

  it('the address of a machine is told to admins, and to a user only while holding it', async () => {
    const [alice, bob, admin] = await Promise.all(['alice', 'bob', 'admin'].map((name) => api.token(name)));
    const hidden = { host: null, port: null, user: null };
    const shown = { host: expect.stringMatching(/^10\./), port: 22 };
    const seen = async (token: string | undefined, name: string) => {
      const one = (await api.call(token ?? null, 'GET', `/api/machines/${name}`)).body;
      const all = (await api.call(token ?? null, 'GET', '/api/machines')).body;
      expect(
        all.find((each: { name: string }) => each.name === name),
        'list and single answer agree',
      ).toEqual(one);
      return one;
    };
    const made = await api.call(alice ?? null, 'POST', '/api/reservations?wait=10', { machines: ['m1'], count: 1 });
    expect(made.body.state).toBe('active');
    expect(await seen(alice, 'm1')).toMatchObject({ ...shown, user: null });
    expect(await seen(alice, 'm2')).toMatchObject(hidden);
    expect(await seen(bob, 'm1')).toMatchObject({ ...hidden, reserved_by: 'alice' });
    expect(await seen(bob, 'm2')).toMatchObject(hidden);
    expect(await seen(admin, 'm1')).toMatchObject({ ...shown, user: 'root' });
    await api.call(alice ?? null, 'DELETE', `/api/reservations/${made.body.reservation_id}`);
    await api.core.settle();
    expect(await seen(alice, 'm1'), 'no longer after the end').toMatchObject(hidden);
    expect(await seen(admin, 'm2')).toMatchObject({ ...shown, user: 'root' });
  });

  it('only an admin may name an account', async () => {
    const bob = await api.token('bob');
    expect((await api.call(bob, 'GET', '/api/reserve?username=alice')).status).toBe(403);
    const admin = await api.token('admin');
    expect((await api.call(admin, 'GET', '/api/reserve?username=carol')).body.username).toBe('carol');
    expect((await api.call(admin, 'GET', '/api/reserve?username=root')).status).toBe(400);
    await api.core.pool.releaseAll(api.core.admin, api.core.now());
    await api.core.settle();
  });
});

describe('a token', () => {
  const sign = async (change: (token: SignJWT) => SignJWT, key = SECRET, alg = 'HS256') => {
    const user = await api.core.store.tables.users.byName('admin');
    const now = Math.floor(api.core.now().getTime() / 1000);
    const token = new SignJWT({ ver: user?.tokenVersion ?? 0 })
      .setProtectedHeader({ alg })
      .setSubject(user?.id ?? '')
      .setIssuer('berth')
      .setAudience('berth-api')
      .setExpirationTime(now + 60);
    return await change(token).sign(key);
  };
  const whoami = async (token: string) => (await api.call(token, 'GET', '/api/whoami')).status;

  it('is accepted as it was made, and not when anything about it is different', async () => {
    const now = Math.floor(api.core.now().getTime() / 1000);
    expect(await whoami(await sign((token) => token))).toBe(200);
    const good = await api.token('admin');
    const user = await api.core.store.tables.users.byName('admin');
    const bad = {
      'another key': await sign((token) => token, Buffer.alloc(32, 1)),
      'another algorithm': await sign((token) => token, SECRET, 'HS512'),
      'another issuer': await sign((token) => token.setIssuer('other')),
      'another audience': await sign((token) => token.setAudience('other')),
      expired: await sign((token) => token.setExpirationTime(now - 1)),
      'no algorithm': new UnsecuredJWT({ ver: 0 })
        .setSubject(user?.id ?? '')
        .setIssuer('berth')
        .setAudience('berth-api')
        .setExpirationTime(now + 60)
        .encode(),
      tampered: `${good.slice(0, -6)}AAAAAA`,
      empty: '',
      garbage: 'x.y.z',
    };
    for (const [what, token] of Object.entries(bad)) expect(await whoami(token), what).toBe(401);
  });

  it('stops working when its user is disabled, demoted, deleted, or has another password', async () => {
    const admin = await api.token('admin');
    const patch = (name: string, body: object) => api.call(admin, 'PATCH', `/api/users/${name}`, body);
    for (const name of ['u-disabled', 'u-demoted', 'u-password', 'u-deleted', 'u-untouched']) {
      const made = { username: name, password: PASSWORD, is_admin: name === 'u-demoted' };
      expect((await api.call(admin, 'POST', '/api/users', made)).status).toBe(201);
    }
    const tokens = {
      disabled: await api.token('u-disabled'),
      demoted: await api.token('u-demoted'),
      password: await api.token('u-password'),
      deleted: await api.token('u-deleted'),
      untouched: await api.token('u-untouched'),
    };
    for (const token of Object.values(tokens)) expect(await whoami(token)).toBe(200);
    expect((await patch('u-disabled', { disabled: true })).status).toBe(200);
    expect((await patch('u-demoted', { is_admin: false })).status).toBe(200);
    expect((await patch('u-password', { password: 'another one' })).status).toBe(200);
    expect((await api.call(admin, 'DELETE', '/api/users/u-deleted')).body).toEqual({ message: 'deleted' });
    for (const what of ['disabled', 'demoted', 'password', 'deleted'] as const) {
      expect(await whoami(tokens[what]), what).toBe(401);
    }
    expect(await whoami(tokens.untouched)).toBe(200);
    expect(
      (await api.call(null, 'POST', '/api/login', { username: 'u-disabled', password: PASSWORD })).body.error,
    ).toBe('invalid_grant');
  });

  it('of a user who is disabled ends with what the user holds', async () => {
    const admin = await api.token('admin');
    const made = { username: 'u-holder', password: PASSWORD };
    expect((await api.call(admin, 'POST', '/api/users', made)).status).toBe(201);
    const token = await api.token('u-holder');
    const { body } = await api.call(token, 'POST', '/api/reservations?wait=20', { count: 1 });
    expect(body.state).toBe('active');
    expect((await api.call(admin, 'PATCH', '/api/users/u-holder', { disabled: true })).status).toBe(200);
    const after = await api.call(admin, 'GET', `/api/reservations/${body.reservation_id}`);
    expect(['ending', 'ended']).toContain(after.body.state);
    await api.core.settle();
    expect((await api.call(admin, 'GET', '/api/available')).body.reserved).not.toContain(body.machines[0].machine);
  });

  it('the last admin can be neither deleted, demoted nor disabled', async () => {
    const admin = await api.token('admin');
    for (const body of [{ is_admin: false }, { disabled: true }]) {
      expect((await api.call(admin, 'PATCH', '/api/users/admin', body)).body.error).toBe('last_admin');
    }
    expect((await api.call(admin, 'DELETE', '/api/users/admin')).body.error).toBe('last_admin');
    expect(await whoami(admin)).toBe(200);
  });
});
