import { randomUUID } from 'node:crypto';
import { TOTP } from 'otpauth';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openTestApi, PASSWORD, type TestApi } from '../support/test-api.ts';

/** So many mistakes are free before the pauses begin. */
const FREE = 10;

describe('the routes of the second factor', () => {
  let api: TestApi;
  let admin: string;
  beforeAll(async () => {
    api = await openTestApi();
  });
  beforeEach(async () => {
    // What was tried from this address before is forgotten.
    api.core.pass(4_000);
    admin = await api.token('admin');
  });
  afterAll(() => api.close());

  const codeOf = (secret: string) => new TOTP({ secret }).generate({ timestamp: api.core.now().getTime() });
  const wrongOf = (secret: string) => String((Number(codeOf(secret)) + 1) % 1_000_000).padStart(6, '0');
  const begin = async (token: string): Promise<string> =>
    (await api.call(token, 'POST', '/api/profile/second-factor', { password: PASSWORD })).body.secret;
  const turnOn = async (token: string): Promise<string> => {
    const secret = await begin(token);
    const confirmed = await api.call(token, 'POST', '/api/profile/second-factor/confirm', { code: codeOf(secret) });
    expect(confirmed.body.recovery_codes).toHaveLength(10);
    // The code of a minute later is another one.
    api.core.pass(60);
    return secret;
  };
  /** Somebody new who is signed in: mistakes of one do not count for another. */
  const somebody = async () => {
    const username = `u${randomUUID().slice(0, 8)}`;
    await api.call(admin, 'POST', '/api/users', { username, password: PASSWORD });
    return { username, token: await api.token(username) };
  };

  it.each([
    ['the start', 'on', '', (_: string) => ({ password: 'mistaken' })],
    ['its confirmation', 'begun', '/confirm', (code: string) => ({ code })],
    ['new recovery codes', 'on', '/recovery-codes', (code: string) => ({ password: PASSWORD, code })],
    ['its end', 'on', '/off', (code: string) => ({ password: PASSWORD, code })],
  ])('slow down guessing at %s', async (_, state, path, body) => {
    const { token } = await somebody();
    const secret = state === 'on' ? await turnOn(token) : await begin(token);
    const guess = () => api.call(token, 'POST', `/api/profile/second-factor${path}`, body(wrongOf(secret)));
    for (let i = 0; i < FREE; i++) expect((await guess()).body.error).toMatch(/^wrong_(code|password)$/);
    expect(await guess()).toMatchObject({ status: 429, body: { error: 'too_many_requests' } });
  });

  it('count wrong codes on while the password, which is known, is changed', async () => {
    const { username, token } = await somebody();
    const secret = await turnOn(token);
    const password = `${PASSWORD}-changed`;
    let at = token;
    const off = () =>
      api.call(at, 'POST', '/api/profile/second-factor/off', {
        password: at === token ? PASSWORD : password,
        code: wrongOf(secret),
      });
    for (let i = 0; i < FREE - 1; i++) expect((await off()).body.error).toBe('wrong_code');
    const change = { old_password: PASSWORD, new_password: password };
    expect((await api.call(at, 'POST', '/api/profile/password', change)).status).toBe(200);
    at = (await api.accounts.login(username, password, api.core.now(), undefined, codeOf(secret))).token;
    expect((await off()).body.error).toBe('wrong_code');
    expect(await off()).toMatchObject({ status: 429 });
  });

  it('an admin removes that of others, but the own one only with password and code', async () => {
    const { username, token } = await somebody();
    await turnOn(token);
    await turnOn(admin);
    const own = await api.call(admin, 'PATCH', '/api/users/admin', { second_factor: false });
    expect(own).toMatchObject({ status: 403, body: { error: 'forbidden' } });
    expect(own.body.message).toContain('second_factor: ');
    expect((await api.call(admin, 'GET', '/api/users/admin')).body.second_factor).toBe(true);
    const removed = await api.call(admin, 'PATCH', `/api/users/${username}`, { second_factor: false });
    expect(removed).toMatchObject({ status: 200, body: { second_factor: false } });
  });
});
