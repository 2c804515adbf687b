import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTestApi, PASSWORD, type TestApi } from '../support/test-api.ts';

let api: TestApi;
let port: number;
beforeAll(async () => {
  api = await openTestApi();
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  port = (api.app.server.address() as AddressInfo).port;
});
afterAll(() => api.close());

/** Sends the head of a request, and as much of its body as is given. */
function send(head: string[], length: number, body = ''): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      const lines = [...head, 'host: 127.0.0.1', 'content-type: application/json', `content-length: ${length}`];
      socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`, () => resolve(socket));
    });
    socket.once('error', reject);
  });
}

it('requests that are broken off in the middle do not use the server up', { timeout: 60_000 }, async () => {
  // More than may be in work at once.
  for (let round = 0; round < 21; round++) {
    const sockets = await Promise.all(
      Array.from({ length: 100 }, () => send(['POST /api/login HTTP/1.1'], 100, '{"username":"admin"')),
    );
    await Promise.all(
      sockets.map((socket) => {
        const closed = new Promise((resolve) => socket.once('close', resolve));
        socket.destroy();
        return closed;
      }),
    );
  }
  expect((await fetch(`http://127.0.0.1:${port}/api/healthz`)).status).toBe(200);
  const token = await api.token('bob');
  expect(
    (await fetch(`http://127.0.0.1:${port}/api/available`, { headers: { authorization: `Bearer ${token}` } })).status,
  ).toBe(200);
});

it('event streams that were left do not use the server up', { timeout: 60_000 }, async () => {
  const token = await api.token('bob');
  const headers = { authorization: `Bearer ${token}` };
  for (let round = 0; round < 210; round++) {
    const leave = new AbortController();
    const streams = await Promise.all(
      Array.from({ length: 10 }, () => fetch(`http://127.0.0.1:${port}/api/events`, { headers, signal: leave.signal })),
    );
    expect(new Set(streams.map(({ status }) => status))).toEqual(new Set([200]));
    leave.abort();
  }
  expect((await fetch(`http://127.0.0.1:${port}/api/available`, { headers })).status).toBe(200);
});

it('who was deleted while the body was on its way is refused', async () => {
  await api.accounts.createUser(
    api.core.admin,
    { username: 'leaving', password: PASSWORD, role: 'admin' },
    api.core.now(),
  );
  const token = await api.token('leaving');
  const body = JSON.stringify({ username: 'backdoor', password: PASSWORD, is_admin: true });
  const socket = await send(
    ['POST /api/users HTTP/1.1', `authorization: Bearer ${token}`, 'connection: close'],
    body.length,
    body.slice(0, 10),
  );
  // The head has been let in by the time that a later request is answered.
  await fetch(`http://127.0.0.1:${port}/api/healthz`);
  await api.accounts.deleteUser(api.core.admin, 'leaving', api.core.now());
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  const ended = new Promise((resolve) => socket.once('close', resolve));
  socket.write(body.slice(10));
  await ended;
  expect(answer).toMatch(/^HTTP\/1.1 401 /);
  const names = (await api.accounts.listUsers()).map(({ username }) => username);
  expect(names).not.toContain('backdoor');
});
