import { describe, expect, it } from 'vitest';
import { openTestApi, PASSWORD, type TestApi } from '../support/test-api.ts';

/** Which address the server takes a request to come from: the one that the session was opened from. */
async function seenAddress(api: TestApi, remoteAddress: string, headers: Record<string, string>): Promise<string> {
  const payload = { username: 'bob', password: PASSWORD };
  const opened = await api.app.inject({ method: 'POST', url: '/api/session', remoteAddress, headers, payload });
  const { access_token: token } = opened.json();
  const { sessions } = (await api.call(token, 'GET', '/api/sessions')).body;
  await api.call(token, 'DELETE', '/api/sessions');
  return sessions.find((one: { current: boolean }) => one.current).address;
}

const withApi = async (trustedProxies: string[], work: (api: TestApi) => Promise<void>): Promise<void> => {
  const api = await openTestApi({ trustedProxies });
  try {
    await work(api);
  } finally {
    await api.close();
  }
};

describe('the address of a request', () => {
  it('is that of the connection where no proxy is configured, whatever the headers say', async () => {
    await withApi([], async (api) => {
      const claims: Record<string, string>[] = [
        { 'x-forwarded-for': '1.1.1.1' },
        { 'x-forwarded-for': '127.0.0.1' },
        { forwarded: 'for=1.1.1.1', 'x-real-ip': '1.1.1.1', 'x-client-ip': '1.1.1.1' },
      ];
      for (const headers of claims) {
        expect(await seenAddress(api, '198.51.100.7', headers)).toBe('198.51.100.7');
      }
    });
  });

  it('is what the last proxy that is configured was asked by', async () => {
    await withApi(['127.0.0.1', '10.1.0.0/16', '2001:db8:5::/48'], async (api) => {
      const seen = (remoteAddress: string, chain: string) =>
        seenAddress(api, remoteAddress, { 'x-forwarded-for': chain });
      expect(await seen('127.0.0.1', '198.51.100.7')).toBe('198.51.100.7');
      expect(await seen('::ffff:127.0.0.1', '198.51.100.7'), 'a proxy in its IPv6-mapped form').toBe('198.51.100.7');
      expect(await seen('127.0.0.1', '198.51.100.7, 10.1.2.3'), 'a chain').toBe('198.51.100.7');
      expect(await seen('127.0.0.1', '198.51.100.7, ::ffff:10.1.2.3')).toBe('198.51.100.7');
      expect(await seen('2001:db8:5::1', '198.51.100.7, 10.1.2.3')).toBe('198.51.100.7');
      expect(await seen('127.0.0.1', '10.1.9.9, 198.51.100.7'), 'the left part is only a claim').toBe('198.51.100.7');
      expect(await seen('127.0.0.1', '1.1.1.1, 127.0.0.1, 198.51.100.7, 10.1.0.1')).toBe('198.51.100.7');
      expect(await seen('198.51.100.7', '1.1.1.1'), 'no proxy').toBe('198.51.100.7');
      expect(await seen('10.2.0.1', '1.1.1.1'), 'beside the network of the proxies').toBe('10.2.0.1');
    });
  });

  it('cannot be changed from try to try to get around the pauses', async () => {
    for (const trustedProxies of [[], ['10.1.0.1']]) {
      await withApi(trustedProxies, async (api) => {
        const told: number[] = [];
        for (let i = 0; i < 12; i++) {
          // As an honest proxy hands it on: what the client claims, then who asked.
          const chain = trustedProxies.length > 0 ? `10.9.0.${i}, 198.51.100.7` : `10.9.0.${i}`;
          const answer = await api.app.inject({
            method: 'POST',
            url: '/api/login',
            remoteAddress: trustedProxies[0] ?? '198.51.100.7',
            headers: { 'x-forwarded-for': chain },
            payload: { username: 'bob', password: 'guess' },
          });
          told.push(answer.statusCode);
        }
        expect(told.slice(-2)).toEqual([429, 429]);
      });
    }
  });
});

describe('the metrics without a token', () => {
  const metrics = async (api: TestApi, remoteAddress: string, headers: Record<string, string> = {}) => {
    const answer = await api.app.inject({
      url: '/metrics',
      remoteAddress,
      headers: { host: 'localhost:8080', ...headers },
    });
    return answer.statusCode;
  };

  it('are for programs on this machine', async () => {
    await withApi([], async (api) => {
      for (const address of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1']) {
        expect(await metrics(api, address), address).toBe(200);
      }
      for (const host of ['127.0.0.1:8080', '[::1]:8080', 'LOCALHOST']) {
        expect(await metrics(api, '127.0.0.1', { host }), host).toBe(200);
      }
      for (const address of ['10.0.0.1', '::ffff:10.0.0.1', '2001:db8::1', '::ffff:1.127.0.1']) {
        expect(await metrics(api, address), address).toBe(401);
      }
    });
  });

  it('are not for those that a proxy on this machine asks for', async () => {
    await withApi([], async (api) => {
      for (const header of [
        'X-Forwarded-For',
        'Forwarded',
        'Via',
        'X-Real-IP',
        'X-Forwarded-Host',
        'X-Forwarded-Proto',
      ]) {
        expect(await metrics(api, '127.0.0.1', { [header]: 'x' }), header).toBe(401);
        expect(await metrics(api, '127.0.0.1', { [header]: '' }), `an empty ${header}`).toBe(401);
      }
      for (const host of ['berth.example.org', 'localhost.example.org', '127.0.0.1.example.org']) {
        expect(await metrics(api, '127.0.0.1', { host }), host).toBe(401);
      }
    });
    await withApi(['127.0.0.1'], async (api) => {
      expect(await metrics(api, '127.0.0.1'), 'a proxy that says nothing').toBe(401);
      expect(await metrics(api, '127.0.0.1', { 'x-forwarded-for': '127.0.0.1' })).toBe(401);
    });
  });
});
