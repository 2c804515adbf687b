import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestApi, PASSWORD, type TestApi } from '../support/test-api.ts';

/** As the specification has it. */
const ALICE = { username: 'carol', password: 's3cret', is_admin: false };
const GOOD = 'correct horse battery staple';

let api: TestApi;
let admin: string;
const open = async (enforced: boolean): Promise<void> => {
  api = await openTestApi({ passwordRules: { minLength: 12, enforced } });
  admin = await api.token('admin');
};
afterEach(() => api.close());

describe('where the rules for passwords are enforced', () => {
  beforeEach(() => open(true));

  it('whoever sets a password is told which rule it breaks, and nothing changes', async () => {
    const bob = await api.token('bob');
    const before = await api.picture();
    const made = await api.call(admin, 'POST', '/api/users', ALICE);
    expect(made).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    expect(made.body.message).toMatch(/^password: it is too short; at least 12 characters/);
    for (const [password, rule] of [
      ['Unbelievable!', /^password: it is one of the passwords that are tried first/],
      ['bob-berth-2026', /^password: it is made of the user name/],
      ['aaaaaaaaaaaaaaa', /^password: it repeats/],
    ] as const) {
      const changed = await api.call(admin, 'PATCH', '/api/users/bob', { password });
      expect(changed).toMatchObject({ status: 400, body: { message: expect.stringMatching(rule) } });
      const change = { old_password: PASSWORD, new_password: password };
      const own = await api.call(bob, 'POST', '/api/profile/password', change);
      expect(own).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
      expect(own.body.message).toMatch(/^new_password: it /);
      expect(JSON.stringify([changed.body, own.body])).not.toContain(password);
    }
    expect(await api.picture()).toBe(before);
    expect((await api.call(admin, 'POST', '/api/users', { ...ALICE, password: GOOD })).status).toBe(201);
  });

  it('everybody can read them before choosing one', async () => {
    expect((await api.call(admin, 'GET', '/api/profile')).body).toMatchObject({
      weak_password: false,
      password_rules: { min_length: 12, enforced: true },
    });
  });
});

describe('where they are not', () => {
  beforeEach(() => open(false));

  it('the passwords of the specification are taken, and their users warned until they choose better ones', async () => {
    expect((await api.call(admin, 'POST', '/api/users', ALICE)).status).toBe(201);
    const weak = async (password: string) => {
      const token = await api.token('carol', password);
      return { token, weak: (await api.call(token, 'GET', '/api/profile')).body.weak_password };
    };
    const carol = await weak('s3cret');
    expect(carol.weak).toBe(true);
    const change = { old_password: 's3cret', new_password: GOOD };
    expect((await api.call(carol.token, 'POST', '/api/profile/password', change)).status).toBe(200);
    expect((await weak(GOOD)).weak).toBe(false);
    await api.call(admin, 'PATCH', '/api/users/carol', { password: 'unbelievable' });
    expect((await weak('unbelievable')).weak).toBe(true);
    await api.call(admin, 'PATCH', '/api/users/carol', { password: GOOD });
    expect((await weak(GOOD)).weak).toBe(false);
  });

  it('a password that is older than the rules is found weak at the next sign-in', async () => {
    await api.call(admin, 'POST', '/api/users', ALICE);
    const user = await api.core.store.tables.users.byName('carol');
    await api.core.store.tables.weakPasswords.set(user?.id ?? '', false);
    const token = await api.token('carol', 's3cret');
    expect((await api.call(token, 'GET', '/api/profile')).body.weak_password).toBe(true);
  });
});
