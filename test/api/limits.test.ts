import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/test-api.ts';

const NONE = { machines: null, reservations: null, minutes: null, machine_minutes_ahead: null };
const AS_THE_ROLE = { machines: 'role', reservations: 'role', minutes: 'role', machine_minutes_ahead: 'role' };

describe('limits', () => {
  let api: TestApi;
  let admin: string;
  let bob: string;
  beforeAll(async () => {
    api = await openTestApi();
    await api.core.addMachines(4);
    admin = await api.token('admin');
    bob = await api.token('bob');
  });
  afterAll(() => api.close());
  beforeEach(async () => {
    await api.core.pool.releaseAll(api.core.admin, api.core.now());
    await api.core.settle();
    await api.call(admin, 'PATCH', '/api/limits/roles/user', NONE);
    await api.call(admin, 'PATCH', '/api/users/bob/limits', AS_THE_ROLE);
  });

  it('are set for a role and for a user, and a user sees the own ones and what is used of them', async () => {
    expect((await api.call(bob, 'GET', '/api/limits')).body).toEqual({
      limits: NONE,
      used: { machines: 0, reservations: 0, machine_minutes_ahead: 0 },
      admins: ['admin'],
    });
    const role = await api.call(admin, 'PATCH', '/api/limits/roles/user', { machines: 3, minutes: 90 });
    expect(role).toMatchObject({ status: 200, body: { ...NONE, machines: 3, minutes: 90 } });
    expect((await api.call(admin, 'GET', '/api/limits/roles/user')).body).toEqual(role.body);
    expect((await api.call(admin, 'GET', '/api/limits/roles/admin')).body).toEqual(NONE);
    const own = await api.call(admin, 'PATCH', '/api/users/bob/limits', { minutes: null, machine_minutes_ahead: 120 });
    expect(own.body).toEqual({
      own: { ...AS_THE_ROLE, minutes: null, machine_minutes_ahead: 120 },
      limits: { machines: 3, reservations: null, minutes: null, machine_minutes_ahead: 120 },
      used: { machines: 0, reservations: 0, machine_minutes_ahead: 0 },
    });
    expect((await api.call(bob, 'POST', '/api/reservations?wait=20', { count: 2 })).status).toBe(201);
    expect((await api.call(bob, 'GET', '/api/limits')).body).toMatchObject({
      limits: own.body.limits,
      used: { machines: 2, reservations: 1, machine_minutes_ahead: 120 },
    });
    expect((await api.call(admin, 'GET', '/api/users/bob/limits')).body.used.machines).toBe(2);
  });

  it('refuse with what a person and a program need to know, on every way to reserve and extend', async () => {
    await api.call(admin, 'PATCH', '/api/limits/roles/user', { machines: 1, minutes: 60 });
    const refusal = {
      status: 409,
      body: {
        error: 'limit_reached',
        message: 'machines: you have 0 and this takes 2 more; you may have 1 at once; an admin can raise it: admin',
        limit: 'machines',
        allowed: 1,
        used: 0,
        asked: 2,
        admins: ['admin'],
      },
    };
    expect(await api.call(bob, 'POST', '/api/reservations', { count: 2 })).toMatchObject(refusal);
    expect(await api.call(bob, 'GET', '/api/reserve?count=2')).toMatchObject(refusal);
    const { body } = await api.call(bob, 'POST', '/api/reservations?wait=20', { count: 1 });
    for (const token of [bob, admin]) {
      const extended = await api.call(token, 'POST', `/api/reservations/${body.reservation_id}/extend`, { minutes: 1 });
      expect(extended).toMatchObject({ status: 409, body: { error: 'limit_reached', limit: 'minutes', asked: 61 } });
    }
    expect((await api.call(admin, 'POST', '/api/reservations?wait=20', { count: 3 })).status).toBe(201);
  });

  it.each([
    ['/api/limits/roles/user', {}],
    ['/api/limits/roles/user', { machines: -1 }],
    ['/api/limits/roles/user', { machines: 1.5 }],
    ['/api/limits/roles/user', { machines: '3' }],
    ['/api/limits/roles/user', { machines: 'role' }],
    ['/api/limits/roles/user', { machines: 2_000_000_000 }],
    ['/api/limits/roles/user', { beds: 3 }],
    ['/api/limits/roles/king', { machines: 3 }],
    ['/api/users/bob/limits', { machines: 'none' }],
    ['/api/users/bob/limits', { minutes: [] }],
  ])('PATCH %s takes no %j', async (path, body) => {
    const before = (await api.call(admin, 'GET', '/api/limits/roles/user')).body;
    expect(await api.call(admin, 'PATCH', path, body)).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', message: expect.stringMatching(/^(machines|minutes|beds|role|body):/) },
    });
    expect((await api.call(admin, 'GET', '/api/limits/roles/user')).body).toEqual(before);
  });

  it('of a user go with the user', async () => {
    const carol = { username: 'carol', password: 'a-password-of-carol' };
    const path = '/api/users/carol/limits';
    expect((await api.call(admin, 'POST', '/api/users', carol)).status).toBe(201);
    expect((await api.call(admin, 'PATCH', path, { machines: 1 })).status).toBe(200);
    expect((await api.call(admin, 'DELETE', '/api/users/carol')).status).toBe(200);
    expect((await api.call(admin, 'GET', path)).status).toBe(404);
    expect((await api.call(admin, 'PATCH', path, { machines: 1 })).status).toBe(404);
    expect((await api.call(admin, 'POST', '/api/users', carol)).status).toBe(201);
    expect((await api.call(admin, 'GET', path)).body.own).toEqual(AS_THE_ROLE);
  });
});
