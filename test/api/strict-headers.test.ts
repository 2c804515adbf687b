import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '#contract/routes.ts';
import { openTestApi, type TestApi } from '../support/test-api.ts';

let api: TestApi;
let port: number;
const page = mkdtempSync(join(tmpdir(), 'berth-page-'));

beforeAll(async () => {
  writeFileSync(join(page, 'index.html'), '<!doctype html>');
  writeFileSync(join(page, 'theme.js'), '1');
  api = await openTestApi({ pageFolder: page });
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  port = (api.app.server.address() as AddressInfo).port;
});
afterAll(async () => {
  await api.close();
  rmSync(page, { recursive: true });
});

/** The head of the answer to what is sent as it is. */
function headOf(sent: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(sent));
    socket.on('data', (data) => {
      answer += data;
      // Event streams have no end.
      if (answer.includes('\r\n\r\n')) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer.split('\r\n\r\n')[0] as string));
  });
}
const request = (line: string, ...headers: string[]): Promise<string> =>
  headOf(`${[line, 'Host: 127.0.0.1', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`);

function expectStrict(head: string, what: string, isPage = false): void {
  const headers = new Map(
    head
      .split('\r\n')
      .slice(1)
      .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
  expect(head, what).toMatch(/^HTTP\/1\.1 \d{3} /);
  const policy = headers.get('content-security-policy') ?? '';
  expect(policy, what).toMatch(isPage ? /^default-src 'self'; / : /^default-src 'none'; /);
  expect(policy, what).toContain("frame-ancestors 'none'");
  expect(policy, what).not.toMatch(/unsafe|https?:|\*/);
  expect(Object.fromEntries(headers), what).toMatchObject({
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': expect.stringContaining('camera=()'),
    'cache-control': expect.stringMatching(/^no-(store|cache)$|^public/),
  });
  expect([...headers.keys()], what).not.toContain('server');
  expect([...headers.keys()], what).not.toContain('x-powered-by');
  expect([...headers.keys()], what).not.toContain('access-control-allow-origin');
}

describe('strict headers are on', () => {
  it('the answers of every route, to a stranger and to an admin', async () => {
    const token = await api.token('admin');
    for (const { method, path } of Object.values(routes)) {
      const url = path.replace(':id', '9e0e3b9a-980b-4f13-8275-28cb749e5bf6').replace(/:\w+/g, 'nobody');
      for (const who of [[], [`Authorization: Bearer ${token}`]]) {
        expectStrict(await request(`${method} ${url} HTTP/1.1`, ...who), `${method} ${url}`);
      }
    }
  });

  it('unknown addresses, wrong methods, refused bodies and heads', async () => {
    const long = 'x'.repeat(2_000_000);
    for (const [sent, status] of [
      ['GET /api/nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 404],
      ['GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 404],
      ['PUT /api/machines HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 405],
      ['OPTIONS /api/login HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\nConnection: close\r\n\r\n', 405],
      ['GET /api/machines/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
      [`GET /api/machines/${'x'.repeat(1_000)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 414],
      [
        'POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1\r\nConnection: close\r\n\r\n{',
        400,
      ],
      [
        'POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 1\r\nConnection: close\r\n\r\n{',
        415,
      ],
      [
        `POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\n\r\n${long}`,
        413,
      ],
      [`GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
      [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
      ['no http at all\r\n\r\n', 400],
      ['GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
      [
        'GET /api/terminal HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: https://evil.example\r\n\r\n',
        403,
      ],
      ['GET /metrics HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n', 401],
    ] as const) {
      const head = await headOf(sent);
      expect(head, sent.slice(0, 100)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expectStrict(head, sent.slice(0, 100));
    }
  });

  it('the page, its files, the documentation and its files', async () => {
    for (const url of [
      '/',
      '/machines/m1',
      '/theme.js',
      '/api/docs',
      '/api/docs/',
      '/api/docs/static/swagger-ui.css',
      '/api/docs/static/gone.js',
    ]) {
      expectStrict(await request(`GET ${url} HTTP/1.1`, 'Accept: text/html'), url, true);
    }
    for (const url of ['/api/openapi.json', '/metrics']) expectStrict(await request(`GET ${url} HTTP/1.1`), url);
  });
});
