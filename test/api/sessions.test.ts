import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Route, type RouteName, routes } from '#contract/routes.ts';
import { openTestApi, PASSWORD, type TestApi } from '../support/test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
  await api.core.addMachines(3);
});
afterAll(() => api.close());

const PROOF = { 'x-berth-refresh': '1' };

interface Told {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field
  readonly body: any;
  readonly setCookie: string;
}

async function ask(
  method: 'POST' | 'DELETE' | 'GET',
  url: string,
  headers: Record<string, string> = {},
  payload?: object,
): Promise<Told> {
  const answer = await api.app.inject({ method, url, headers, ...(payload && { payload }) });
  return { status: answer.statusCode, body: answer.json(), setCookie: String(answer.headers['set-cookie'] ?? '') };
}
const signIn = (username = 'alice', headers = {}) =>
  ask('POST', '/api/session', headers, { username, password: PASSWORD });
/** What a browser would send back. */
const cookieOf = ({ setCookie }: Told): string => setCookie.split(';')[0] as string;
const refresh = (cookie: string, headers: Record<string, string> = PROOF) =>
  ask('POST', '/api/session/refresh', { cookie, ...headers });

describe('a session of a browser', () => {
  it('begins with a token and a cookie that scripts and other sites do not get', async () => {
    const told = await signIn();
    expect(told).toMatchObject({ status: 200, body: { token_type: 'Bearer', expires_in: 3600 } });
    const [value, ...attributes] = told.setCookie.split('; ');
    expect(value).toMatch(/^berth_refresh=[0-9a-f-]{36}\.[\w-]{43}$/);
    expect(attributes.sort()).toEqual(['HttpOnly', 'Max-Age=2592000', 'Path=/api/session', 'SameSite=Strict']);
    expect(JSON.stringify(told.body)).not.toContain(value?.split('=')[1]);
    expect((await api.call(told.body.access_token, 'GET', '/api/whoami')).body).toEqual({ user: 'alice', roles: [] });
  });

  it('is refused with the words of any other sign-in, and slowed down together with it', async () => {
    const headers = { 'user-agent': 'test' };
    const wrong = { username: 'alice', password: 'wrong' };
    expect(await ask('POST', '/api/session', headers, wrong)).toMatchObject({
      status: 401,
      body: (await ask('POST', '/api/login', headers, wrong)).body,
      setCookie: '',
    });
    for (let i = 0; i < 4; i++) {
      await ask('POST', '/api/session', headers, wrong);
      await ask('POST', '/api/login', headers, wrong);
    }
    expect((await ask('POST', '/api/session', headers, wrong)).body.error).toBe('too_many_requests');
    api.core.pass(61);
  });

  it('goes on by the cookie, whose token changes each time', async () => {
    const first = await signIn();
    const second = await refresh(cookieOf(first));
    expect(second).toMatchObject({ status: 200, body: { token_type: 'Bearer', expires_in: 3600 } });
    expect(second.setCookie).toContain('Path=/api/session; HttpOnly; SameSite=Strict');
    expect(cookieOf(second)).not.toBe(cookieOf(first));
    expect((await api.call(second.body.access_token, 'GET', '/api/whoami')).body.user).toBe('alice');
  });

  it('two tabs that renew at once both go on', async () => {
    const first = await signIn();
    const [a, b] = await Promise.all([refresh(cookieOf(first)), refresh(cookieOf(first))]);
    expect([a.status, b.status]).toEqual([200, 200]);
    expect(cookieOf(a)).toBe(cookieOf(b));
    expect((await refresh(cookieOf(a))).status).toBe(200);
  });

  it('a stolen cookie ends it for the thief and for its user, and takes the cookie away', async () => {
    const first = await signIn();
    const second = await refresh(cookieOf(first));
    api.core.pass(11);
    const thief = await refresh(cookieOf(first));
    expect(thief).toMatchObject({ status: 401, body: { error: 'invalid_grant' } });
    expect(thief.setCookie).toContain('berth_refresh=; Max-Age=0; Path=/api/session');
    expect((await refresh(cookieOf(second))).status).toBe(401);
    expect((await api.call(second.body.access_token, 'GET', '/api/whoami')).status).toBe(401);
    const admin = await api.token('admin');
    const { entries } = (await api.call(admin, 'GET', '/api/audit?action=session.stolen')).body;
    expect(entries[0]).toMatchObject({ subject: 'alice' });
  });

  it('needs the header besides the cookie, and the cookie besides the header', async () => {
    const first = await signIn();
    const bad: Record<string, string>[] = [{}, { 'x-berth-refresh': '' }, { 'x-berth-refresh': 'yes' }];
    for (const headers of bad) {
      expect((await refresh(cookieOf(first), headers)).status).toBe(400);
      expect((await ask('DELETE', '/api/session', { cookie: cookieOf(first), ...headers })).status).toBe(400);
    }
    expect(await ask('POST', '/api/session/refresh', PROOF)).toMatchObject({ status: 401 });
    const bearer = { authorization: `Bearer ${first.body.access_token}` };
    expect((await ask('POST', '/api/session/refresh', { ...bearer, ...PROOF })).status).toBe(401);
    expect((await refresh(cookieOf(first))).status).toBe(200);
  });

  it.each([
    'berth_refresh=',
    'berth_refresh=%00',
    'berth_refresh=%',
    `berth_refresh=${'a'.repeat(7000)}`,
    'berth_refresh=00000000-0000-4000-8000-000000000000.AAAA',
    '__proto__=x',
    ';;;=;',
  ])('no session is in the cookie %.60s', async (cookie) => {
    expect((await refresh(cookie)).status).toBe(401);
    expect((await ask('DELETE', '/api/session', { cookie, ...PROOF })).status).toBe(200);
  });

  it('ends with a sign-out', async () => {
    const first = await signIn();
    const out = await ask('DELETE', '/api/session', { cookie: cookieOf(first), ...PROOF });
    expect(out).toMatchObject({ status: 200, body: { message: 'signed out' } });
    expect(out.setCookie).toContain('berth_refresh=; Max-Age=0; Path=/api/session');
    expect((await refresh(cookieOf(first))).status).toBe(401);
    expect((await api.call(first.body.access_token, 'GET', '/api/whoami')).status).toBe(401);
  });

  it('shows where one is signed in, with harmless names, and ends one or all of them', async () => {
    const here = await signIn('bob', { 'user-agent': 'Fire\u001b[31mfox <b>é</b>' });
    const there = await signIn('bob');
    const mine = here.body.access_token;
    const { sessions } = (await api.call(mine, 'GET', '/api/sessions')).body;
    expect(sessions).toHaveLength(2);
    const current = sessions.find((one: { current: boolean }) => one.current);
    expect(current).toMatchObject({ address: '127.0.0.1' });
    expect(current.user_agent).toMatch(/^[ -~]+$/);
    const other = sessions.find((one: { current: boolean }) => !one.current);
    const foreign = (await signIn('alice')).body.access_token;
    expect((await api.call(foreign, 'DELETE', `/api/sessions/${other.id}`)).status).toBe(404);
    expect((await api.call(mine, 'DELETE', `/api/sessions/${other.id}`)).status).toBe(200);
    expect((await refresh(cookieOf(there))).status).toBe(401);
    expect((await api.call(mine, 'DELETE', '/api/sessions')).status).toBe(200);
    expect((await api.call(mine, 'GET', '/api/whoami')).status).toBe(401);
    expect((await refresh(cookieOf(here))).status).toBe(401);
  });
});

it('a cookie alone is good for no route at all, and changes nothing', async () => {
  const session = await signIn();
  const before = await api.picture();
  for (const [name, { method, path, access, body }] of Object.entries(routes) as [RouteName, Route][]) {
    if (access === 'anyone') continue;
    const url = path
      .replace(':username', 'bob')
      .replace(':name', 'm1')
      .replace(/:(id|machine)/g, 'x');
    const answer = await api.app.inject({
      method,
      url,
      headers: { cookie: cookieOf(session), ...PROOF },
      ...(body && { payload: {} }),
    });
    expect(answer.statusCode, name).toBe(401);
  }
  for (const method of ['POST', 'DELETE'] as const) {
    const url = method === 'POST' ? '/api/session/refresh' : '/api/session';
    const answer = await ask(method, url, { cookie: cookieOf(session) });
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  }
  expect(await api.picture()).toBe(before);
  expect((await refresh(cookieOf(session))).status).toBe(200);
});

it('with https in front the cookie is for https only', async () => {
  const behind = await openTestApi({ trustedProxies: ['127.0.0.1'] });
  const answer = await behind.app.inject({
    method: 'POST',
    url: '/api/session',
    headers: { 'x-forwarded-proto': 'https' },
    payload: { username: 'alice', password: PASSWORD },
  });
  expect(String(answer.headers['set-cookie'])).toContain('Secure');
  await behind.close();
});

it('no token and no cookie is in any log', async () => {
  const session = await signIn();
  const next = await refresh(cookieOf(session));
  await refresh(`${cookieOf(session)}x`);
  for (const told of [session, next]) {
    expect(api.log()).not.toContain(cookieOf(told).split('=')[1]);
    expect(api.log()).not.toContain(told.body.access_token);
  }
});

describe('the own profile', () => {
  it('says who one is, and whether the password is still the shipped one', async () => {
    const bob = await api.token('bob');
    expect((await api.call(bob, 'GET', '/api/profile')).body).toMatchObject({
      user: 'bob',
      roles: [],
      default_password: false,
    });
    await api.call(await api.token('admin'), 'PATCH', '/api/users/bob', { password: 'change-me' });
    const again = await api.token('bob', 'change-me');
    expect((await api.call(again, 'GET', '/api/profile')).body.default_password).toBe(true);
    const change = { old_password: 'change-me', new_password: PASSWORD };
    expect((await api.call(again, 'POST', '/api/profile/password', change)).status).toBe(200);
    expect((await api.call(again, 'GET', '/api/whoami')).status).toBe(401);
  });

  it('a wrong old password is refused, and guessing it is slowed down', async () => {
    const bob = await api.token('bob');
    const wrong = { old_password: 'guess', new_password: 'mine now' };
    expect(await api.call(bob, 'POST', '/api/profile/password', wrong)).toMatchObject({
      status: 400,
      body: { error: 'wrong_password' },
    });
    for (let i = 0; i < 9; i++) await api.call(bob, 'POST', '/api/profile/password', wrong);
    expect((await api.call(bob, 'POST', '/api/profile/password', wrong)).status).toBe(429);
    api.core.pass(61);
  });

  it('keeps SSH keys', async () => {
    const bob = await api.token('bob');
    const key = {
      name: 'laptop',
      public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJXHJTkIy3XvcnAqrX9d4Y3UkbuGCJ7yrc3GJ0vJc1Nq me',
    };
    const made = await api.call(bob, 'POST', '/api/profile/ssh-keys', key);
    expect(made).toMatchObject({ status: 201, body: { ...key, fingerprint: expect.stringMatching(/^SHA256:/) } });
    expect((await api.call(bob, 'POST', '/api/profile/ssh-keys', key)).status).toBe(409);
    expect((await api.call(bob, 'GET', '/api/profile/ssh-keys')).body).toEqual({ ssh_keys: [made.body] });
    const alice = await api.token('alice');
    expect((await api.call(alice, 'GET', '/api/profile/ssh-keys')).body).toEqual({ ssh_keys: [] });
    const url = `/api/profile/ssh-keys/${made.body.id}`;
    expect((await api.call(alice, 'DELETE', url)).status).toBe(404);
    expect((await api.call(bob, 'DELETE', url)).status).toBe(200);
  });
});
