import fc from 'fast-check';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Route, type RouteName, routes } from '#contract/routes.ts';
import { openTestApi, PASSWORD, type TestApi } from '../support/test-api.ts';
import { garbage, hostileText, like, runs, type Schema, SEED } from './like-schema.ts';

/** A stream has no end; its socket is what terminal.test.ts is about. */
const names = (Object.keys(routes) as RouteName[]).filter((name) => name !== 'events');

let api: TestApi;
let reservation = '';
const tokens = new Map<'admin' | 'user', string>();
let people = 0;
beforeAll(async () => {
  api = await openTestApi();
  await api.core.addMachines(6);
  const made = await api.call(await api.token('bob'), 'POST', '/api/reservations', { count: 2 });
  reservation = made.body.reservation_id;
});
afterAll(() => api.close());

/** Of somebody new whenever a request of the run has ended the last one's. */
async function tokenOf(role: 'admin' | 'user'): Promise<string> {
  const kept = tokens.get(role);
  if (kept !== undefined && (await api.call(kept, 'GET', '/api/whoami')).status === 200) return kept;
  people += 1;
  const username = `person-${people}`;
  await api.accounts.createUser(api.core.admin, { username, password: PASSWORD, role }, api.core.now());
  const token = await api.token(username);
  tokens.set(role, token);
  return token;
}

/** Values with which a request comes further than to "there is no such". */
const known = () => ({
  name: ['m1', 'm2', 'm3'],
  machine: ['m1', 'm2'],
  machines: [['m1'], ['m2', 'm3']],
  id: [reservation],
  reservation_id: [reservation],
  username: ['bob', 'carol'],
  password: [PASSWORD],
  old_password: [PASSWORD],
  wait: [0],
});

const inUrl = (text: string, raw: boolean): string =>
  raw ? text.replace(/[\s#?]/g, '%') : encodeURIComponent(text.toWellFormed());

const textOf = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));

/** A whole request to the route: mostly as it should be, and in each part now and then not. */
function requestTo({ path, params, querystring, headers, body }: Route) {
  const part = (schema: unknown) => (schema ? like(schema as Schema, known()) : fc.constant({}));
  return fc
    .record({
      params: part(params),
      query: part(querystring),
      headers: part(headers),
      body: part(body),
      rawUrl: fc.integer({ min: 0, max: 15 }),
      rawBody: fc.oneof({ arbitrary: fc.constant(null), weight: 9 }, { arbitrary: hostileText, weight: 1 }),
      more: fc.oneof({ arbitrary: fc.constant(''), weight: 9 }, { arbitrary: hostileText, weight: 1 }),
      type: fc.oneof(
        { arbitrary: fc.constant('application/json'), weight: 12 },
        {
          arbitrary: fc.constantFrom('text/plain', 'application/json; charset=x', 'multipart/form-data', '\u00ff'),
          weight: 1,
        },
      ),
    })
    .map((made) => {
      const raw = made.rawUrl === 0;
      const given = Object(made.params) as Record<string, unknown>;
      const where = path.replace(/:(\w+)/g, (_, name) => inUrl(textOf(given[name] ?? ''), raw));
      const query = Object.entries(Object(made.query)).flatMap(([key, value]) =>
        [value].flat().map((one) => `${inUrl(key, raw)}=${inUrl(textOf(one), raw)}`),
      );
      return {
        url: `${where}?${[...query, inUrl(made.more, raw)].join('&')}`.replace(/[^\x21-\x7e]/g, '%'),
        headers: Object.fromEntries(
          Object.entries({ ...Object(made.headers), 'content-type': made.type }).map(([name, value]) => [
            name.replace(/[^a-z-]/g, 'x') || 'x',
            textOf(value)
              .replace(/[^\x20-\x7e]/g, '?')
              .slice(0, 8_000),
          ]),
        ),
        payload: body ? (made.rawBody ?? JSON.stringify(made.body)) : undefined,
      };
    });
}

describe('a route that gets anything whatever', () => {
  it.each(names)('%s answers in words, and never breaks', { timeout: 120_000 }, async (name) => {
    const route = routes[name] as Route;
    await fc.assert(
      fc.asyncProperty(
        requestTo(route),
        fc.constantFrom('admin', 'user', null),
        async ({ payload, ...request }, who) => {
          const authorization = who === null ? {} : { authorization: `Bearer ${await tokenOf(who)}` };
          const began = performance.now();
          const answer = await api.app.inject({
            method: route.method as NonNullable<InjectOptions['method']>,
            url: request.url,
            headers: { ...request.headers, ...authorization },
            ...(payload !== undefined && { payload }),
          });
          const what = `${route.method} ${request.url.slice(0, 300)} ${payload?.slice(0, 300) ?? ''}: ${answer.body.slice(0, 300)}`;
          expect(answer.statusCode === 503 || answer.statusCode < 500, what).toBe(true);
          expect(performance.now() - began, what).toBeLessThan(10_000);
          if (answer.statusCode >= 400) {
            const { error, message } = answer.json();
            expect(error, what).toMatch(/^[a-z_]+$/);
            expect(message.length, what).toBeLessThan(1_000);
            // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not come
            expect(message, what).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
          }
        },
      ),
      { seed: SEED, numRuns: runs(60), endOnFailure: true },
    );
  });

  it('what is no route, no method and no HTTP header of ours', { timeout: 60_000 }, async () => {
    const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'] as const;
    await fc.assert(
      fc.asyncProperty(hostileText, fc.constantFrom(...methods), garbage, async (text, method, body) => {
        for (const url of [`/${inUrl(text, false)}`, `/api/${inUrl(text, true)}`.replace(/[^\x21-\x7e]/g, '%')]) {
          const answer = await api.app.inject({
            method,
            url,
            headers: {
              'content-type': 'application/json',
              'x-request-id': encodeURIComponent(text.toWellFormed()).slice(0, 900),
            },
            payload: JSON.stringify(body),
          });
          expect(answer.statusCode, `${method} ${url.slice(0, 200)}`).toBeLessThan(500);
        }
      }),
      { seed: SEED, numRuns: runs(200), endOnFailure: true },
    );
  });

  it('nothing of it was unexpected, and none of it stayed in memory', async () => {
    expect(api.log()).not.toContain('request failed');
    expect(api.core.driver.doubled).toEqual([]);
    globalThis.gc?.();
    expect(process.memoryUsage().heapUsed / 1024 / 1024).toBeLessThan(700);
  });
});
