import { randomUUID } from 'node:crypto';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Route, type RouteName, routes } from '#contract/routes.ts';
import { openTestApi, PASSWORD, type TestApi } from '../support/test-api.ts';

/** What each kind of caller may call at all, written out a second time on purpose: a slip in the table shows here. */
const FOR_ADMINS: RouteName[] = [
  'createUser',
  'listUsers',
  'getUser',
  'updateUser',
  'deleteUser',
  'registerMachine',
  'updateMachine',
  'deleteMachine',
  'releaseAll',
  'releaseAllByPost',
  'audit',
];
const FOR_ANYONE: RouteName[] = [
  'health',
  'ready',
  'login',
  'openSession',
  'refreshSession',
  'closeSession',
  'terminal',
];
/** A stream does not end by itself; it is tested in events.test.ts. */
const names = (Object.keys(routes) as RouteName[]).filter((name) => name !== 'events');

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
  await api.core.addMachines(3);
});
afterAll(() => api.close());

function urlOf(name: RouteName): string {
  return routes[name].path
    .replace(':username', 'nobody-of-that-name')
    .replace(':name', 'no-such-machine')
    .replace(':id', randomUUID())
    .replace(':machine', 'no-such-machine');
}

async function statusOf(name: RouteName, token: string | null): Promise<number> {
  const { method, body } = routes[name] as Route;
  return (await api.call(token, method, urlOf(name), body ? {} : undefined)).status;
}

describe('every route', () => {
  it.each(names)('%s: lets in whom it should, and nobody else', async (name) => {
    const before = await api.picture();
    const nobody = await statusOf(name, null);
    const user = await statusOf(name, await api.token('bob'));
    const picture = await api.picture();
    const admin = await statusOf(name, await api.token('admin'));
    if (FOR_ANYONE.includes(name)) {
      expect(nobody).not.toBe(401);
    } else {
      expect(nobody).toBe(401);
      if (FOR_ADMINS.includes(name)) {
        expect(user).toBe(403);
        expect(picture, 'a refused call changes nothing').toBe(before);
      } else {
        expect([401, 403]).not.toContain(user);
      }
      expect([401, 403]).not.toContain(admin);
    }
    await api.core.pool.releaseAll(api.core.admin, api.core.now());
    await api.core.settle();
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
  const secret = Buffer.alloc(32, 9);
  const sign = async (change: (token: SignJWT) => SignJWT, key = secret, alg = 'HS256') => {
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
      'another algorithm': await sign((token) => token, secret, 'HS512'),
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
