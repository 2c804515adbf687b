import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, PASSWORD, type TestApi } from '../support/test-api.ts';

let api: TestApi;
let admin: string;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.token('admin');
});
afterAll(() => api.close());

const make = async (token: string, body: object, url = '/api/profile/tokens') =>
  await api.call(token, 'POST', url, { name: 'ci', scopes: ['read'], expires_in_days: 30, ...body });

describe('an API token', () => {
  it('is shown once, says who it stands for, and is in no log', async () => {
    const made = await make(admin, { scopes: ['reserve', 'read'] });
    expect(made).toMatchObject({ status: 201, body: { name: 'ci', scopes: ['read', 'reserve'], last_used_at: null } });
    const { token, expires_at: expiresAt } = made.body;
    expect((await api.call(token, 'GET', '/api/whoami')).body).toEqual({
      user: 'admin',
      roles: [],
      api_token: { name: 'ci', scopes: ['read', 'reserve'], expires_at: expiresAt },
    });
    const listed = (await api.call(admin, 'GET', '/api/profile/tokens')).body;
    expect(listed.tokens).toMatchObject([{ name: 'ci', expires_at: expiresAt }]);
    const audit = (await api.call(admin, 'GET', '/api/audit?action=token.created')).body;
    expect(audit.entries).toMatchObject([{ actor: 'admin', subject: 'admin', details: { name: 'ci' } }]);
    for (const text of [JSON.stringify(listed), JSON.stringify(audit), api.log()]) expect(text).not.toContain(token);
  });

  it('is told which scope it lacks, and that some things are not for API tokens', async () => {
    const { token } = (await make(admin, { name: 'only looks' })).body;
    const refused = await api.call(token, 'POST', '/api/reservations', { count: 1 });
    expect(refused).toMatchObject({ status: 403, body: { error: 'forbidden' } });
    expect(refused.body.message).toBe('this API token has not the scope "reserve", only: read');
    const own = await api.call(token, 'GET', '/api/profile/tokens');
    expect(own.body.message).toBe('no API token may do this; sign in with your password');
  });

  it('cannot be made with wrong values', async () => {
    for (const [body, field] of [
      [{ scopes: [] }, 'scopes'],
      [{ scopes: ['everything'] }, 'scopes.0'],
      [{ scopes: ['read', 'read'] }, 'scopes'],
      [{ expires_in_days: 0 }, 'expires_in_days'],
      [{ expires_in_days: 367 }, 'expires_in_days'],
      [{ expires_in_days: undefined }, 'expires_in_days'],
      [{ name: '' }, 'name'],
    ] as const) {
      const answer = await make(admin, body);
      expect(answer.status).toBe(400);
      expect(answer.body.message).toContain(`${field}:`);
    }
    expect((await make(await api.token('bob'), { scopes: ['admin'] })).status).toBe(403);
  });

  it('with the scope admin changes no password of its own user, directly or as another token', async () => {
    const { token } = (await make(admin, { name: 'strong', scopes: ['admin', 'machines', 'read', 'reserve'] })).body;
    const change = { password: 'stolen password here' };
    expect(await api.call(token, 'PATCH', '/api/users/admin', change)).toMatchObject({ status: 403 });
    expect((await make(token, { name: 'child' })).status).toBe(403);
    expect((await make(token, { name: 'child' }, '/api/users/admin/tokens')).status).toBe(403);
    expect(await api.token('admin')).toBeTruthy();
  });

  it('with all scopes opens no way in that stays when it is revoked', async () => {
    await api.core.addMachines(1);
    await api.call(admin, 'POST', '/api/users', { username: 'dave', password: 'the one that he has' });
    const { token } = (await make(admin, { name: 'all', scopes: ['admin', 'machines', 'read', 'reserve'] })).body;
    const password = 'a way to come back';
    const refused = [
      ['POST', '/api/users', { username: 'mallory', password }],
      ['POST', '/api/users', { username: 'mallory', service: true, is_admin: true }],
      ['PATCH', '/api/users/dave', { password }],
      ['PATCH', '/api/users/dave', { is_admin: true }],
      ['PATCH', '/api/users/dave', { disabled: false }],
      ['PATCH', '/api/users/dave', { second_factor: false }],
      // Whoever answers there would be told the machine's credential.
      ['PATCH', '/api/machines/m1', { host: '10.9.9.9' }],
      ['PATCH', '/api/machines/m1', { port: 2222 }],
      ['PATCH', '/api/machines/m1', { accept_host_key: 'SHA256:somebody-elses' }],
    ] as const;
    for (const [method, path, body] of refused) {
      const answer = await api.call(token, method, path, body);
      expect(answer, `${method} ${path} ${JSON.stringify(body)}`).toMatchObject({ status: 403 });
    }
    expect((await api.call(admin, 'GET', '/api/users/mallory')).status).toBe(404);
    expect((await api.call(admin, 'GET', '/api/users/dave')).body).toMatchObject({ is_admin: false });
    expect((await api.call(admin, 'GET', '/api/machines/m1')).body.host).not.toBe('10.9.9.9');

    // With the credential it says nothing that it does not know.
    const moved = { host: '10.9.9.9', password: 'another' };
    expect((await api.call(token, 'PATCH', '/api/machines/m1', moved)).status).toBe(200);
    expect((await api.call(token, 'POST', '/api/users', { username: 'ci', service: true })).status).toBe(201);
    expect((await api.call(token, 'PATCH', '/api/users/dave', { disabled: true })).status).toBe(200);
  });

  it('of an admin sees and ends reservations of others only with the scope admin besides', async () => {
    await api.core.addMachines(1);
    const alice = await api.token('alice');
    const { reservation_id: id } = (await api.call(alice, 'POST', '/api/reservations', { count: 1 })).body;
    const url = `/api/reservations/${id}`;
    const weak = (await make(admin, { name: 'weak', scopes: ['read', 'reserve'] })).body.token;
    const strong = (await make(admin, { name: 'with admin', scopes: ['read', 'reserve', 'admin'] })).body.token;
    expect((await api.call(weak, 'GET', url)).status).toBe(404);
    expect((await api.call(weak, 'GET', '/api/reservations')).body.reservations[0].host).toBeNull();
    expect((await api.call(weak, 'GET', '/api/reserve?username=carol')).status).toBe(403);
    expect((await api.call(strong, 'GET', url)).status).toBe(200);
    expect((await api.call(strong, 'DELETE', url)).body).toMatchObject({ end_reason: 'released_by_admin' });
    await api.core.settle();
  });

  it('loses its event stream when it is revoked', async () => {
    const made = (await make(admin, { name: 'listens' })).body;
    const stream = await api.app.inject({
      method: 'GET',
      url: '/api/events',
      payloadAsStream: true,
      headers: { authorization: `Bearer ${made.token}` },
    });
    expect(stream.statusCode).toBe(200);
    const ended = new Promise((resolve) => stream.stream().resume().once('end', resolve));
    await api.call(admin, 'DELETE', `/api/profile/tokens/${made.id}`);
    await ended;
  });
});

describe('a service account', () => {
  it('has no password, cannot sign in by one, and gets tokens from admins', async () => {
    expect((await api.call(admin, 'POST', '/api/users', { username: 'robot' })).body.message).toContain('password:');
    const both = { username: 'robot', service: true, password: PASSWORD };
    expect((await api.call(admin, 'POST', '/api/users', both)).body.message).toContain('password:');
    const made = await api.call(admin, 'POST', '/api/users', { username: 'robot', service: true });
    expect(made).toMatchObject({ status: 201, body: { username: 'robot', service: true, is_admin: false } });
    for (const url of ['/api/login', '/api/session']) {
      const body = { username: 'robot', password: 'anything at all' };
      expect((await api.call(null, 'POST', url, body)).body.error).toBe('invalid_grant');
    }
    const wanted = { name: 'ci', scopes: ['read', 'reserve'] };
    const { token } = (await make(admin, wanted, '/api/users/robot/tokens')).body;
    expect((await make(admin, { scopes: ['machines'] }, '/api/users/robot/tokens')).status).toBe(403);
    expect((await make(admin, wanted, '/api/users/bob/tokens')).body.error).toBe('conflict');
    const reserved = await api.call(token, 'GET', '/api/reserve');
    expect(reserved).toMatchObject({ status: 200, body: { username: 'robot' } });
    expect((await api.call(admin, 'DELETE', '/api/users/robot')).status).toBe(200);
    expect((await api.call(token, 'GET', '/api/whoami')).status).toBe(401);
  });
});
