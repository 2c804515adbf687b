import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '#contract/routes.ts';
import { openTestApi, PASSWORD, type TestApi } from '../support/test-api.ts';

let api: TestApi;
let admin: string;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.token('admin');
});
afterAll(() => api.close());

describe('the answers that the specification prints', () => {
  it('health, login, whoami', async () => {
    expect((await api.call(null, 'GET', '/api/healthz')).body).toEqual({ status: 'ok' });
    const login = await api.call(null, 'POST', '/api/login', { username: 'admin', password: PASSWORD });
    expect(login.body).toMatchObject({ token_type: 'Bearer', expires_in: 3600 });
    expect((await api.call(login.body.access_token, 'GET', '/api/whoami')).body).toEqual({
      user: 'admin',
      roles: ['admin'],
    });
    expect((await api.call(await api.token('bob'), 'GET', '/api/whoami')).body).toEqual({ user: 'bob', roles: [] });
  });

  it('an unknown user and a wrong password get the same words', async () => {
    const unknown = await api.call(null, 'POST', '/api/login', { username: 'nobody', password: 'x' });
    const wrong = await api.call(null, 'POST', '/api/login', { username: 'admin', password: 'x' });
    expect(unknown).toEqual(wrong);
    expect(unknown).toMatchObject({ status: 401, body: { error: 'invalid_grant' } });
  });

  it('users: create, list, delete', async () => {
    const carol = { username: 'carol', password: 's3cret', is_admin: false };
    const made = await api.call(admin, 'POST', '/api/users', carol);
    expect(made).toMatchObject({ status: 201, body: { username: 'carol', is_admin: false } });
    expect(made.body.created_at).toMatch(/Z$/);
    expect((await api.call(admin, 'POST', '/api/users', carol)).body.error).toBe('conflict');
    expect(
      (await api.call(admin, 'GET', '/api/users')).body.map((user: { username: string }) => user.username),
    ).toContain('carol');
    expect((await api.call(admin, 'DELETE', '/api/users/carol')).body).toEqual({ message: 'deleted' });
    expect((await api.call(admin, 'GET', '/api/users/carol')).status).toBe(404);
  });

  it('machines: register, list, reserve, available, reservations, release_all, delete', async () => {
    for (const n of [1, 2, 3]) {
      const machine = {
        name: `alpine-${n}`,
        host: 'host.docker.internal',
        port: 22_220 + n,
        user: 'root',
        password: 'test',
      };
      const made = await api.call(admin, 'POST', '/api/machines', machine);
      expect(made).toMatchObject({ status: 201, body: { name: machine.name, reserved: false, reserved_by: null } });
      expect(JSON.stringify(made.body)).not.toContain('test');
    }
    const twice = { name: 'other-name', host: 'HOST.docker.internal', port: 22_221, user: 'root', password: 'test' };
    expect((await api.call(admin, 'POST', '/api/machines', twice)).body.error).toBe('conflict');
    await api.core.settle();
    const reserved = await api.call(admin, 'GET', '/api/reserve?count=2&duration=60&reservation_password=test');
    expect(reserved).toMatchObject({ status: 200, body: { username: 'admin', duration_minutes: 60 } });
    expect(Object.keys(reserved.body.machines[0]).sort()).toEqual(['host', 'machine', 'port']);
    expect(reserved.body.password).toBeUndefined();
    const tooMany = await api.call(admin, 'GET', '/api/reserve?count=2');
    expect(tooMany).toMatchObject({ status: 409, body: { error: 'not_enough_machines', asked: 2, free: 1 } });
    const available = (await api.call(admin, 'GET', '/api/available')).body;
    expect(available.reserved).toHaveLength(2);
    expect(available.available).toHaveLength(1);
    const { reservations } = (await api.call(admin, 'GET', '/api/reservations')).body;
    expect(reservations).toHaveLength(2);
    expect(reservations[0]).toMatchObject({ username: 'admin', seconds_remaining: 3600, state: 'active' });
    const held = reserved.body.machines[0].machine;
    expect((await api.call(admin, 'DELETE', `/api/machines/${held}`)).status).toBe(409);
    expect((await api.call(admin, 'GET', '/api/release_all')).body).toMatchObject({ released: 1 });
    await api.core.settle();
    expect((await api.call(admin, 'DELETE', '/api/machines/alpine-1')).body).toEqual({ message: 'deleted' });
    expect((await api.call(admin, 'GET', '/api/machines')).body).toHaveLength(2);
  });

  it('a made password is shown once, and a repeated request gets the same reservation without it', async () => {
    const headers = { 'idempotency-key': 'key-1' };
    const first = await api.call(admin, 'POST', '/api/reservations', { count: 1 }, headers);
    const again = await api.call(admin, 'POST', '/api/reservations', { count: 1 }, headers);
    expect(first).toMatchObject({ status: 201, body: { state: 'active', password: 'made-password' } });
    expect(again.body.reservation_id).toBe(first.body.reservation_id);
    expect(again.body.password).toBeUndefined();
    expect((await api.call(admin, 'POST', '/api/reservations', { count: 2 }, headers)).body.error).toBe(
      'idempotency_key_reused',
    );
    await api.call(admin, 'DELETE', `/api/reservations/${first.body.reservation_id}`);
    await api.core.settle();
  });

  it('a reservation that takes long is answered with 202', async () => {
    let go: (() => void) | null = null;
    api.core.driver.hook = (verb, _machine, when) =>
      verb === 'create' && when === 'before'
        ? new Promise<void>((resolve) => {
            go = resolve;
          })
        : undefined;
    const slow = await api.call(admin, 'POST', '/api/reservations?wait=0', { count: 1 });
    expect(slow).toMatchObject({ status: 202, body: { state: 'preparing' } });
    await expect.poll(() => go).not.toBeNull();
    api.core.driver.hook = null;
    (go as unknown as () => void)();
    const url = `/api/reservations/${slow.body.reservation_id}`;
    await expect.poll(async () => (await api.call(admin, 'GET', url)).body.state).toBe('active');
    await api.call(admin, 'DELETE', url);
    await api.core.settle();
  });

  it('the audit log is paged and filtered', async () => {
    const page = (await api.call(admin, 'GET', '/api/audit?limit=3')).body;
    expect(page.entries).toHaveLength(3);
    const next = (await api.call(admin, 'GET', `/api/audit?limit=3&before=${page.next}`)).body;
    expect(next.entries[0].id).toBeLessThan(page.entries[2].id);
    const only = (await api.call(admin, 'GET', '/api/audit?action=user.created&actor=admin')).body.entries;
    expect(only.length).toBeGreaterThan(0);
    expect(new Set(only.map((entry: { action: string }) => entry.action))).toEqual(new Set(['user.created']));
  });
});

it('OpenAPI describes every route of the contract', async () => {
  const { body } = await api.call(null, 'GET', '/api/openapi.json');
  expect(body.openapi).toBe('3.1.0');
  for (const { method, path } of Object.values(routes)) {
    const documented = body.paths[path.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
    expect(documented, `${method} ${path}`).toBeDefined();
    const asked = documented.requestBody?.content['application/json'].schema.properties ?? {};
    for (const [name, { description }] of [
      ...Object.entries<{ description?: string }>(asked),
      ...(documented.parameters ?? []).map((one: { name: string; description?: string }) => [one.name, one]),
    ]) {
      expect(description, `${method} ${path}: ${name}`).toBeTypeOf('string');
    }
  }
  expect((await api.call(null, 'GET', '/api/docs/')).status).toBe(200);
});

it('events: a change arrives at once, users are shown to admins only, and the stream ends with the server', async () => {
  const base = await api.app.listen({ host: '127.0.0.1', port: 0 });
  const open = async (token: string) => {
    const answer = await fetch(`${base}/api/events`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    let text = '';
    const ended = (async () => {
      for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>)
        text += Buffer.from(chunk).toString();
    })();
    return { text: () => text, ended };
  };
  expect((await fetch(`${base}/api/events`)).status).toBe(401);
  const forAdmin = await open(admin);
  const forBob = await open(await api.token('bob'));
  await expect.poll(() => forAdmin.text()).toContain('retry');
  await api.core.pool.updateMachine(api.core.admin, 'alpine-2', { labels: ['first'] }, api.core.now());
  await expect.poll(() => forBob.text()).toContain('"machine.updated","subject":"alpine-2"');
  await api.call(admin, 'PATCH', '/api/users/bob', { is_admin: false });
  await expect.poll(() => forAdmin.text()).toContain('user.updated');
  expect(forBob.text()).not.toContain('user.updated');
  await api.app.close();
  await Promise.all([forAdmin.ended, forBob.ended]);
});
