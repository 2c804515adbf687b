import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildApp } from '../../src/api/app.ts';
import { CALLBACK, type Lie, oidcSettings, signInThere, startLiar, startProvider } from '../support/oidc.ts';
import { openTestApi, PASSWORD, type TestApi } from '../support/test-api.ts';

let provider: Awaited<ReturnType<typeof startProvider>>;
let api: TestApi;

beforeAll(async () => {
  provider = await startProvider(CALLBACK);
  api = await openTestApi({ oidc: oidcSettings(provider.issuer, { adminGroup: 'berth-admins' }) });
});
afterAll(async () => {
  await api?.close();
  await provider?.stop();
});

type Answer = Awaited<ReturnType<TestApi['app']['inject']>>;
const cookieOf = (answer: Answer, name: string) => answer.cookies.find((one) => one.name === name);
const start = async (on = api) => {
  const answer = await on.app.inject('/api/oidc/start');
  return { answer, address: String(answer.headers.location), cookie: String(cookieOf(answer, 'berth_oidc')?.value) };
};
const back = (address: string, cookie: string | null, on = api) =>
  on.app.inject({
    url: address.slice(new URL(address).origin.length),
    headers: cookie === null ? {} : { cookie: `berth_oidc=${cookie}` },
  });
/** Goes there and back as this account ("subject,user name,groups..."). */
const signIn = async (account: string, on = api) => {
  const { address, cookie } = await start(on);
  return await back(await signInThere(address, account), cookie, on);
};
const problemOf = (answer: Answer) => {
  expect(answer.statusCode).toBe(302);
  expect(cookieOf(answer, 'berth_refresh')).toBeUndefined();
  return String(answer.headers.location).replace('/login?problem=', '');
};
const tokenOf = async (answer: Answer): Promise<string> => {
  expect(answer.headers.location).toBe('/login?signed-in');
  const renewed = await api.app.inject({
    method: 'POST',
    url: '/api/session/refresh',
    headers: { 'x-berth-refresh': '1', cookie: `berth_refresh=${cookieOf(answer, 'berth_refresh')?.value}` },
  });
  expect(renewed.statusCode).toBe(200);
  return renewed.json().access_token;
};
const audit = async (action: string, subject: string) =>
  (await api.core.store.tables.audit.list({ limit: 1000 })).filter(
    (one) => one.action === action && one.subject === subject,
  );

test('somebody signs in with the provider: a user is made, once, and has a session like any other', async () => {
  const { answer, address, cookie } = await start();
  expect(cookieOf(answer, 'berth_oidc')).toMatchObject({
    httpOnly: true,
    sameSite: 'Lax',
    maxAge: 600,
    path: '/api/oidc',
  });
  const asked = new URL(address).searchParams;
  expect(asked.get('code_challenge_method')).toBe('S256');
  expect(asked.get('state')).toMatch(/^[\w-]{43}$/);
  expect(asked.get('nonce')).toMatch(/^[\w-]{43}$/);
  const finished = await back(await signInThere(address, 'sub-1,erin'), cookie);
  expect(cookieOf(finished, 'berth_refresh')).toMatchObject({
    httpOnly: true,
    sameSite: 'Strict',
    path: '/api/session',
  });
  const token = await tokenOf(finished);
  expect((await api.call(token, 'GET', '/api/whoami')).body).toMatchObject({ user: 'erin', roles: [] });
  await tokenOf(await signIn('sub-1,erin'));
  // The subject is who it is, whatever the name is by now.
  const renamed = await tokenOf(await signIn('sub-1,erin-two'));
  expect((await api.call(renamed, 'GET', '/api/whoami')).body).toMatchObject({ user: 'erin' });
  const [created, ...more] = await audit('user.created', 'erin');
  expect(more).toEqual([]);
  expect(created?.details).toMatchObject({ by: 'oidc', role: 'user' });
  expect((await audit('user.signed_in', 'erin')).map(({ details }) => details['by'])).toEqual(['oidc', 'oidc', 'oidc']);
  expect((await audit('user.signed_in', 'erin'))[0]?.origin?.address).toBe('127.0.0.1');
});

test('a user of the provider has no password, and gets none', async () => {
  const token = await tokenOf(await signIn('sub-2,frank'));
  expect((await api.call(null, 'POST', '/api/session', { username: 'frank', password: 'x' })).status).toBe(401);
  const change = { old_password: 'x', new_password: 'a long enough password' };
  const refused = await api.call(token, 'POST', '/api/profile/password', change);
  expect(refused.status).toBe(400);
  expect(refused.body.message).toContain('organisation');
  const admin = await api.token('admin');
  const byAdmin = await api.call(admin, 'PATCH', '/api/users/frank', { password: PASSWORD });
  expect(byAdmin.status).toBe(400);
});

test('over HTTPS the cookie of the start is for this host alone, and is gone after the way back', async () => {
  const redirectUri = 'https://berth.example/api/oidc/callback';
  const secure = await openTestApi({ oidc: oidcSettings(provider.issuer, { redirectUri }) });
  try {
    const begun = await secure.app.inject('/api/oidc/start');
    const kept = cookieOf(begun, '__Host-berth_oidc');
    expect(kept).toMatchObject({ secure: true, httpOnly: true, sameSite: 'Lax', path: '/' });
    expect(kept).not.toHaveProperty('domain');
    const back = await secure.app.inject({
      url: '/api/oidc/callback?code=x&state=x',
      headers: { cookie: `__Host-berth_oidc=${kept?.value}` },
    });
    expect(cookieOf(back, '__Host-berth_oidc')).toMatchObject({ value: '', path: '/', secure: true });
  } finally {
    await secure.close();
  }
});

test('an answer of the provider counts once', async () => {
  const { address, cookie } = await start();
  const there = await signInThere(address, 'sub-3,grace');
  expect((await back(there, cookie)).headers.location).toBe('/login?signed-in');
  expect(problemOf(await back(there, cookie))).toBe('expired');
});

test('of the same answer many times at once one opens a session, and of answers of nobody nothing is kept', async () => {
  const { address, cookie } = await start();
  const there = await signInThere(address, 'sub-30,nina');
  const answers = await Promise.all(Array.from({ length: 10 }, () => back(there, cookie)));
  expect(answers.filter(({ headers }) => headers.location === '/login?signed-in')).toHaveLength(1);
  const junk = await start();
  const state = String(new URL(junk.address).searchParams.get('state'));
  expect(problemOf(await back(`${CALLBACK}?code=junk&state=${state}`, junk.cookie))).toBe('untrusted');
  const { oidc } = api.core.store.tables;
  const unused = (one: string) => oidc.useState(one, new Date(api.core.now().getTime() + 1000), api.core.now());
  expect(await unused(state)).toBe(true);
  expect(await unused(String(new URL(there).searchParams.get('state')))).toBe(false);
});

test('who comes for the first time twice at once is one user', async () => {
  const both = await Promise.all([signIn('sub-31,oscar'), signIn('sub-31,oscar')]);
  for (const one of both) await tokenOf(one);
  expect(await audit('user.created', 'oscar')).toHaveLength(1);
});

test('who was deleted comes back as somebody new', async () => {
  const old = await tokenOf(await signIn('sub-32,peggy'));
  const admin = await api.token('admin');
  expect((await api.call(admin, 'DELETE', '/api/users/peggy')).status).toBe(200);
  expect((await api.call(old, 'GET', '/api/whoami')).status).toBe(401);
  await tokenOf(await signIn('sub-32,peggy'));
  expect(await audit('user.created', 'peggy')).toHaveLength(2);
});

test('without the cookie of the start, with that of another start, a changed or an old one nobody gets in', async () => {
  const { address, cookie } = await start();
  const there = await signInThere(address, 'sub-4,heidi');
  expect(problemOf(await back(there, null))).toBe('expired');
  expect(problemOf(await back(there, (await start()).cookie))).toBe('expired');
  expect(problemOf(await back(there, `${cookie.slice(0, 20)}AAAA${cookie.slice(24)}`))).toBe('expired');
  expect(problemOf(await back(there.replace(/state=[^&]*/, 'state=other'), cookie))).toBe('expired');
  api.core.pass(601);
  expect(problemOf(await back(there, cookie))).toBe('expired');
  expect(await api.core.store.tables.users.byName('heidi')).toBeUndefined();
});

test('a code that the provider did not give, or a no of the provider, opens nothing', async () => {
  const { address, cookie } = await start();
  const there = await signInThere(address, 'sub-5,ivan');
  expect(problemOf(await back(there.replace(/code=[^&]*/, 'code=guessed'), cookie))).toBe('untrusted');
  expect(problemOf(await signIn('nobody'))).toBe('denied');
  expect(api.log()).not.toContain('guessed');
  expect(api.log()).not.toContain('a secret of the client');
});

test('a disabled user stays out', async () => {
  await tokenOf(await signIn('sub-6,judy'));
  const admin = await api.token('admin');
  expect((await api.call(admin, 'PATCH', '/api/users/judy', { disabled: true })).status).toBe(200);
  // Refusals of the same minute are noted together.
  api.core.pass(61);
  expect(problemOf(await signIn('sub-6,judy'))).toBe('disabled');
  await api.accounts.refusedSignIns.flush();
  expect((await audit('user.sign_in_refused', 'judy')).length).toBe(1);
});

test('a local user is never taken over by an equal name, and a name against the rules is refused', async () => {
  expect(problemOf(await signIn('sub-7,alice'))).toBe('name_taken');
  expect(problemOf(await signIn('sub-8,admin,berth-admins'))).toBe('name_taken');
  expect(problemOf(await signIn('sub-9,root'))).toBe('bad_name');
  expect(problemOf(await signIn('sub-10,No Such Name!'))).toBe('bad_name');
});

test('a name in capital letters, or a mail address, becomes a user name', async () => {
  const token = await tokenOf(await signIn('sub-20,Mallory@Example.COM'));
  expect((await api.call(token, 'GET', '/api/whoami')).body.user).toBe('mallory');
  expect(problemOf(await signIn('sub-21,mallory@elsewhere.example'))).toBe('name_taken');
  expect(problemOf(await signIn('sub-22,@example.com'))).toBe('bad_name');
});

test('the group gives the role at each sign-in, and tokens of the old role end; the last admin stays one', async () => {
  const asUser = await tokenOf(await signIn('sub-11,kim'));
  const asAdmin = await tokenOf(await signIn('sub-11,kim,others,berth-admins'));
  expect((await api.call(asUser, 'GET', '/api/whoami')).status).toBe(401);
  expect((await api.call(asAdmin, 'GET', '/api/users')).status).toBe(200);
  // The local admin goes: kim is the last one.
  expect((await api.call(asAdmin, 'PATCH', '/api/users/admin', { is_admin: false })).status).toBe(200);
  const kept = await tokenOf(await signIn('sub-11,kim'));
  expect((await api.call(kept, 'GET', '/api/whoami')).body.roles).toContain('admin');
  expect((await audit('user.role_kept', 'kim')).length).toBe(1);
  expect((await api.call(kept, 'PATCH', '/api/users/admin', { is_admin: true })).status).toBe(200);
  const wide = { name: 'wide', scopes: ['read', 'admin'], expires_in_days: 1 };
  const { token } = (await api.call(kept, 'POST', '/api/profile/tokens', wide)).body;
  expect((await api.call(token, 'GET', '/api/users')).status).toBe(200);
  const demoted = await tokenOf(await signIn('sub-11,kim'));
  expect((await api.call(token, 'GET', '/api/whoami')).status).toBe(401);
  expect((await api.call(demoted, 'GET', '/api/users')).status).toBe(403);
});

test('the way back may come to another process than the start', async () => {
  const { createAccounts } = await import('#core/accounts/create-accounts.ts');
  const { LENIENT } = await import('../support/test-pool.ts');
  const { pino } = await import('pino');
  const { Registry } = await import('prom-client');
  const oidc = { settings: oidcSettings(provider.issuer), onProblem: () => undefined };
  const keys = { secret: Buffer.alloc(32, 9), expiresMinutes: 60 };
  const app = await buildApp({
    terminals: api.core.terminals,
    pool: api.core.pool,
    accounts: createAccounts(api.core.store, keys, LENIENT, oidc),
    clock: api.core.now,
    readiness: async () => [],
    registry: new Registry(),
    logger: pino({ level: 'silent' }),
    metricsToken: null,
    trustedProxies: [],
  });
  try {
    const other = { ...api, app };
    const { address, cookie } = await start();
    const there = await signInThere(address, 'sub-12,leo');
    await tokenOf(await back(there, cookie, other));
    expect(problemOf(await back(there, cookie))).toBe('expired');
  } finally {
    await app.close();
  }
});

test('a provider that is away keeps nobody from signing in with a password, and is asked again', async () => {
  const liar = await startLiar();
  await liar.stop();
  const alone = await openTestApi({ oidc: oidcSettings(liar.issuer) });
  try {
    expect((await start(alone)).address).toBe('/login?problem=unavailable');
    expect((await alone.call(null, 'POST', '/api/session', { username: 'alice', password: PASSWORD })).status).toBe(
      200,
    );
  } finally {
    await alone.close();
  }
});

test('an ID token that lies opens nothing', async () => {
  const liar = await startLiar();
  const alone = await openTestApi({ oidc: oidcSettings(liar.issuer) });
  const past = Math.floor(Date.now() / 1000) - 3600;
  const come = async (lie: Lie) => {
    const { address, cookie } = await start(alone);
    const asked = new URL(address).searchParams;
    liar.state.nonce = String(asked.get('nonce'));
    liar.state.lie = lie;
    return await back(`${CALLBACK}?code=x&state=${asked.get('state')}`, cookie, alone);
  };
  try {
    const lies: Lie[] = [
      { claims: { nonce: 'another' } },
      { claims: { aud: 'another' } },
      { claims: { iss: 'https://elsewhere.example' } },
      { claims: { iat: past - 60, exp: past } },
      { claims: { sub: '' } },
      { foreignKey: true },
      { tampered: true },
    ];
    for (const lie of lies) expect(problemOf(await come(lie)), JSON.stringify(lie)).toBe('untrusted');
    // The same provider, telling the truth.
    expect((await come({})).headers.location).toBe('/login?signed-in');
  } finally {
    await alone.close();
    await liar.stop();
  }
});
