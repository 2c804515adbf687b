import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/test-api.ts';

let api: TestApi;
let admin: string;
beforeAll(async () => {
  api = await openTestApi();
  await api.core.addMachines(2);
  admin = await api.token('admin');
});
afterAll(() => api.close());

const HOSTILE = [
  '; rm -rf /',
  '$(id)',
  '`id`',
  "' OR 1=1 --",
  '"',
  'a\nb',
  '--',
  '-o ProxyCommand=id',
  '../etc/passwd',
  'a\u0000b',
  'x'.repeat(5000),
  '\u202egnp',
  '',
  ' ',
  'ünïcode',
];
const WRONG_TYPES = [null, true, {}, [], ['x'], 1.5];
const USER = { username: 'carol', password: 'pw', is_admin: false };
const MACHINE = { name: 'm9', host: '10.9.9.9', port: 22, user: 'root', password: 'pw' };

/** Every field of every body, with the values that it must refuse. */
const bodies: [string, string, Record<string, unknown>, Record<string, unknown[]>][] = [
  [
    'POST',
    '/api/login',
    { username: 'admin', password: 'x' },
    { username: [...WRONG_TYPES, 5, ''], password: [...WRONG_TYPES, 5, '', 'a\u0000b', 'x'.repeat(2000)] },
  ],
  [
    'POST',
    '/api/users',
    USER,
    {
      username: [...HOSTILE, ...WRONG_TYPES, 5, 'root', 'daemon'],
      password: [...WRONG_TYPES, '', 'a\nb', 'a\u0000b', 'x'.repeat(2000)],
      is_admin: ['true', 1, null],
    },
  ],
  [
    'POST',
    '/api/machines',
    MACHINE,
    {
      name: [...HOSTILE, ...WRONG_TYPES, 5],
      host: [...HOSTILE, ...WRONG_TYPES, 5],
      port: [0, -1, 65_536, 1e9, '22', 22.5, null],
      user: [...HOSTILE, ...WRONG_TYPES, 5],
      password: [...WRONG_TYPES, 5, '', 'a\u0000b', 'a\nb'],
      private_key: ['x', 5, null],
      labels: ['gpu', [5], ['UPPER'], ['a b'], ['a,b'], Array.from({ length: 40 }, (_, i) => `l${i}`)],
      host_key: ['x', 'ssh-ed25519 AAAA', 'a\nb', 5],
    },
  ],
  [
    'PATCH',
    '/api/machines/m1',
    { labels: ['x'] },
    {
      host: HOSTILE,
      port: [0, -5, '22'],
      user: HOSTILE,
      disabled: ['yes', 1],
      accept_host_key: ['SHA256:x', 5],
      labels: [5, ['A B']],
    },
  ],
  [
    'POST',
    '/api/reservations',
    { count: 1 },
    {
      count: [0, -1, 1001, 1e12, '1', 1.5, null],
      duration_minutes: [0, -60, 43_201, 1e12, '60', 1.5, null],
      reservation_password: ['', 'a\nb', 'a\u0000b', 5, 'x'.repeat(2000)],
      ssh_public_keys: [
        'ssh-ed25519 AAAA',
        ['nonsense'],
        ['ssh-ed25519 AAAA\nssh-rsa AAAA'],
        ['command="id" ssh-ed25519 AAAA'],
        [5],
      ],
      username: [...HOSTILE.filter((one) => one !== ''), 'root', 'daemon', 5],
      labels: ['gpu', ['A'], [5]],
      machines: ['m1', [5], ['../x']],
    },
  ],
];

describe('bad values in bodies', () => {
  for (const [method, url, good, fields] of bodies) {
    for (const [field, values] of Object.entries(fields)) {
      it(`${method} ${url}: ${field}`, async () => {
        for (const value of values) {
          const before = await api.picture();
          const answer = await api.call(url === '/api/login' ? null : admin, method, url, { ...good, [field]: value });
          const what = `${field} = ${JSON.stringify(value)?.slice(0, 60)}`;
          // An accepted host key that was never offered is a conflict, not a malformed request.
          expect(field === 'accept_host_key' ? [400, 409] : [400, 429], what).toContain(answer.status);
          if (answer.status !== 429) expect(answer.body.message, what).toContain(field.split('_')[0]);
          expect(await api.picture(), `${what} changed something`).toBe(before);
        }
      });
    }
    it(`${method} ${url}: unknown fields, broken JSON, other types`, async () => {
      const before = await api.picture();
      const token = url === '/api/login' ? null : admin;
      const unknown = await api.call(token, method, url, { ...good, sudo: true });
      expect(unknown.status === 429 || unknown.body.message.includes('sudo')).toBe(true);
      for (const body of ['{', '[]', '"x"', 'null', '5', '{"__proto__":{"x":1}}']) {
        expect([400, 429]).toContain((await api.call(token, method, url, body)).status);
      }
      expect([415, 429]).toContain(
        (await api.call(token, method, url, 'a=b', { 'content-type': 'text/plain' })).status,
      );
      expect([413, 429]).toContain(
        (await api.call(token, method, url, JSON.stringify({ ...good, x: 'y'.repeat(2_000_000) }))).status,
      );
      expect(await api.picture()).toBe(before);
    });
  }

  it('missing fields are named', async () => {
    for (const field of ['name', 'host', 'user', 'password']) {
      const { [field as keyof typeof MACHINE]: _, ...rest } = MACHINE;
      const answer = await api.call(admin, 'POST', '/api/machines', rest);
      expect(answer.status).toBe(400);
      expect(answer.body.message).toContain(field);
    }
  });
});

describe('bad values in addresses', () => {
  const queries = [
    ...['0', '-1', '1.5', 'x', '', '1e9', '99999999999999999999', '1;2', '%00'].map(
      (value) => `/api/reserve?count=${value}`,
    ),
    ...['0', '-5', '43201', 'x', '%0a'].map((value) => `/api/reserve?duration=${value}`),
    ...['root', '%2e%2e%2f', 'a%00b', '--', 'a%0ab', '%27', '%3B%20rm%20-rf'].map(
      (value) => `/api/reserve?username=${value}`,
    ),
    '/api/reserve?reservation_password=a%0ab',
    '/api/reserve?reservation_password=a%00b',
    '/api/reserve?nonsense=1',
    '/api/reserve?count=1&count=2',
    '/api/audit?limit=0',
    '/api/audit?limit=501',
    '/api/audit?from=yesterday',
    '/api/audit?before=-1',
    '/api/reservations?mine=perhaps',
    '/api/reservations/not-an-id',
    '/api/reservations/%00',
    `/api/machines/${'x'.repeat(65)}`,
    '/api/machines/a%00b',
    '/api/machines/..%2f..%2fetc',
    '/api/machines/%3Bid',
  ];
  it.each(queries)('%s', async (url) => {
    const before = await api.picture();
    const answer = await api.call(admin, 'GET', url);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.body.error).toBeTypeOf('string');
    expect(await api.picture()).toBe(before);
  });

  it('an unknown address and a malformed one are answered in JSON', async () => {
    expect((await api.call(admin, 'GET', '/api/nonsense')).body.error).toBe('not_found');
    expect((await api.call(admin, 'PUT', '/api/machines')).status).toBe(405);
    expect((await api.call(admin, 'GET', '/api/machines/%zz')).status).toBe(400);
  });

  it('a look with HEAD neither changes anything nor waits for an end', async () => {
    for (const path of ['reserve?count=1', 'release_all', 'events', 'oidc/start', 'oidc/callback?state=x&code=y']) {
      expect((await api.call(admin, 'HEAD', `/api/${path}`)).status, path).toBe(405);
    }
  });
});

it('a password in a query, a body or a header is in no log', async () => {
  await api.call(admin, 'GET', '/api/reserve?count=1&reservation_password=tell-nobody-1');
  await api.call(admin, 'GET', '/api/reserve?count=0&reservation_password=tell-nobody-2');
  await api.call(null, 'POST', '/api/login', { username: 'admin', password: 'tell-nobody-3' });
  await api.call(admin, 'POST', '/api/machines', { ...MACHINE, password: 'tell-nobody-4' });
  expect(api.log()).toContain('/api/reserve');
  expect(api.log()).not.toContain('tell-nobody');
  expect(api.log()).not.toContain(admin);
});
