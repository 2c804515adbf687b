import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect as dial } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FakeShell } from '../support/fake-shells.ts';
import { connectTerminal, type TerminalClient } from '../support/terminal-client.ts';
import { openTestApi, type TestApi } from '../support/test-api.ts';

let api: TestApi;
let base: string;
let alice: string;
let reservation: { reservation_id: string; machine: string };
const clients: TerminalClient[] = [];

beforeAll(async () => {
  api = await openTestApi();
  base = await api.app.listen({ host: '127.0.0.1', port: 0 });
  await api.core.addMachines(3);
  alice = await api.token('alice');
  const made = await api.call(alice, 'POST', '/api/reservations', { count: 1, reservation_password: 'test' });
  reservation = { reservation_id: made.body.reservation_id, machine: made.body.machines[0].machine };
});
afterAll(async () => {
  for (const { socket } of clients) socket.terminate();
  await api.close();
});

async function ticket(): Promise<string> {
  const made = await api.call(alice, 'POST', '/api/terminal-tickets', reservation);
  expect(made).toMatchObject({ status: 201, body: { ticket: expect.stringMatching(/^[\w-]{43}$/), expires_in: 30 } });
  return made.body.ticket;
}
async function connect(headers: Record<string, string> = {}): Promise<TerminalClient> {
  const client = await connectTerminal(base, headers);
  clients.push(client);
  return client;
}
async function opened(resume: string | null = null): Promise<TerminalClient> {
  const client = await connect();
  client.open(await ticket(), { resume });
  await expect.poll(() => client.said[0]).toMatchObject({ type: 'opened', resumed: resume !== null });
  return client;
}
const last = (): FakeShell => api.core.shells.opened.at(-1) as FakeShell;
const closed = (client: TerminalClient, code: number) => expect.poll(() => client.code).toBe(code);
/** Leaves none of the shells that a test has opened. */
async function endAll(...some: TerminalClient[]): Promise<void> {
  for (const one of some) one.socket.close();
  for (const shell of api.core.shells.opened) if (!shell.ended) shell.closed(true);
}

describe('the terminal', () => {
  it('carries what is typed, what is printed, and the size', async () => {
    const client = await opened();
    client.type('wh');
    client.type('oami\n');
    await expect.poll(() => last().typed()).toBe('whoami\n');
    last().output(Buffer.from([0xff, 0x00, 0x61]));
    await expect.poll(() => client.bytes()).toBe(3);
    client.say({ type: 'resize', cols: 132, rows: 50 });
    await expect.poll(() => last().sizes.at(-1)).toEqual({ columns: 132, rows: 50 });
    last().closed(true);
    await closed(client, 1000);
    expect(client.said.at(-1)).toEqual({ type: 'closed', reason: 'exit' });
  });

  it('what is typed before the shell is there is not lost', async () => {
    let go = () => {};
    api.core.shells.before = () =>
      new Promise((resolve) => {
        go = resolve;
      });
    const client = await connect();
    client.open(await ticket());
    client.type('early ');
    client.say({ type: 'resize', cols: 90, rows: 30 });
    client.type('bird');
    await expect.poll(() => go()).toBeUndefined();
    api.core.shells.before = null;
    await expect
      .poll(() => {
        go();
        return client.said[0]?.type;
      })
      .toBe('opened');
    await expect.poll(() => last().typed()).toBe('early bird');
    expect(last().sizes.at(-1)).toEqual({ columns: 90, rows: 30 });
    await endAll(client);
  });

  it('goes on after its socket was lost', async () => {
    const before = await opened();
    last().output(Buffer.from('so far'));
    await expect.poll(() => before.text()).toBe('so far');
    before.socket.terminate();
    const after = await opened(before.said[0]?.shell as string);
    await expect.poll(() => after.text()).toBe('so far');
    await endAll(after);
  });

  it('ends with the reservation, with the word for it', async () => {
    const bob = await api.token('bob');
    const made = (await api.call(bob, 'POST', '/api/reservations', { count: 1 })).body;
    const given = await api.call(bob, 'POST', '/api/terminal-tickets', {
      reservation_id: made.reservation_id,
      machine: made.machines[0].machine,
    });
    const client = await connect();
    client.open(given.body.ticket);
    await expect.poll(() => client.said.length).toBe(1);
    await api.call(bob, 'DELETE', `/api/reservations/${made.reservation_id}`);
    await closed(client, 1000);
    expect(client.said.at(-1)).toEqual({ type: 'closed', reason: 'ended' });
  });

  it('ends when its user is signed out everywhere', async () => {
    const session = await api.app.inject({
      method: 'POST',
      url: '/api/session',
      payload: { username: 'alice', password: 'a-password-for-tests' },
    });
    const token = session.json().access_token;
    const given = await api.call(token, 'POST', '/api/terminal-tickets', reservation);
    const client = await connect();
    client.open(given.body.ticket);
    await expect.poll(() => client.said.length).toBe(1);
    expect((await api.call(token, 'DELETE', '/api/sessions')).status).toBe(200);
    await expect.poll(() => client.code).toBe(1000);
    expect(client.said.at(-1)?.reason).toBe('You have been signed out.');
    alice = await api.token('alice');
  });
});

describe('a socket is not let in', () => {
  const own = () => new URL(base).host;
  it.each<[string, () => Record<string, string>]>([
    ['another site', () => ({ origin: 'https://evil.example' })],
    ['another port', () => ({ origin: 'http://127.0.0.1:1' })],
    ['a name that begins like ours', () => ({ origin: `http://${own()}.evil.example` })],
    ['a page that hides its origin', () => ({ origin: 'null' })],
    ['no origin at all', () => ({ origin: '' })],
    ['a malformed one', () => ({ origin: 'x y' })],
    ['a cookie without an origin', () => ({ cookie: 'berth_refresh=x' })],
  ])('from %s', async (_, headers) => {
    await expect(connectTerminal(base, headers())).rejects.toThrow('403');
  });

  it('(from our own page, and from a program, it is)', async () => {
    for (const headers of [{ origin: base }, { origin: base, cookie: 'a=b' }, {}]) {
      (await connect(headers as Record<string, string>)).socket.close();
    }
  });

  it('with a plain request, and no other route becomes one', async () => {
    expect(await api.call(null, 'GET', '/api/terminal')).toMatchObject({ status: 400 });
    expect((await api.call(null, 'HEAD', '/api/terminal')).status).toBe(405);
    const upgraded = await new Promise<string>((resolve) => {
      const asked = request(`${base}/api/whoami`, {
        headers: {
          connection: 'upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        },
      });
      asked.on('response', (answer) => resolve(`${answer.statusCode}`));
      asked.on('upgrade', (_, socket) => {
        socket.destroy();
        resolve('upgraded');
      });
      asked.on('error', () => resolve('cut off'));
      asked.end();
    });
    expect(upgraded).not.toBe('upgraded');
  });
});

describe('bad words on a socket', () => {
  const good = { type: 'open', ticket: 'x', cols: 80, rows: 24, resume: null };
  it.each<[string, unknown]>([
    ['no JSON', undefined],
    ['null', null],
    ['a list', []],
    ['another type', { ...good, type: 'close' }],
    ['no ticket', { ...good, ticket: undefined }],
    ['an empty ticket', { ...good, ticket: '' }],
    ['a long ticket', { ...good, ticket: 'x'.repeat(200) }],
    ['a ticket that is a list', { ...good, ticket: ['x'] }],
    ['no columns', { ...good, cols: 0 }],
    ['too many rows', { ...good, rows: 1001 }],
    ['rows that are text', { ...good, rows: '24' }],
    ['half a row', { ...good, rows: 1.5 }],
    ['a shell id that is none', { ...good, resume: '../x' }],
    ['an unknown field', { ...good, user: 'root' }],
    ['a resize', { type: 'resize', cols: 80, rows: 24 }],
  ])('first: %s', async (_, message) => {
    const client = await connect();
    if (message === undefined) client.socket.send('{');
    else client.say(message);
    await closed(client, 1008);
    expect(client.said).toEqual([{ type: 'closed', reason: 'The first message has to be an open with a ticket.' }]);
  });

  it('first: input; a ticket of nobody; a used one; one of an ended reservation', async () => {
    const input = await connect();
    input.type('ls');
    await closed(input, 1008);
    for (const bad of [randomUUID(), "' OR 1=1 --"]) {
      const client = await connect();
      client.open(bad);
      await closed(client, 1008);
      expect(client.said[0]?.reason).toContain('ticket');
    }
    const given = await ticket();
    const first = await connect();
    first.open(given);
    await expect.poll(() => first.said.length).toBe(1);
    const second = await connect();
    second.open(given);
    await closed(second, 1008);
    expect(second.said[0]?.reason).toContain('ticket');
    await endAll(first);
  });

  it('later: what is no resize, and a frame that is too long', async () => {
    const before = api.core.shells.opened.length;
    for (const message of ['{', '{}', '"x"', JSON.stringify({ type: 'resize', cols: -1, rows: 1 })]) {
      const client = await opened();
      client.socket.send(message);
      await closed(client, 1008);
      await endAll();
    }
    const client = await opened();
    client.socket.send(Buffer.alloc(300 * 1024));
    await expect.poll(() => client.code).not.toBeNull();
    await endAll();
    expect(api.core.shells.opened.length).toBe(before + 5);
  });

  it('nothing at all: the socket is closed after ten seconds', { timeout: 20_000 }, async () => {
    const client = await connect();
    await expect.poll(() => client.code, { timeout: 15_000, interval: 200 }).toBe(1008);
  });
});

it('sockets that are over do not count as work any more', { timeout: 60_000 }, async () => {
  for (let round = 0; round < 45; round++) {
    const some = await Promise.all(Array.from({ length: 50 }, () => connectTerminal(base)));
    for (const { socket } of some) socket.terminate();
  }
  // 2,250 have come and gone: more than may be at work at once.
  await expect.poll(async () => (await api.call(null, 'GET', '/api/healthz')).status).toBe(200);
  const client = await opened();
  await endAll(client);
});

it('no ticket is in any log, and a terminal that fails tells nothing of why', async () => {
  const given = await ticket();
  const client = await connect();
  api.core.shells.before = () => {
    throw new Error('secret of the inside');
  };
  client.open(given);
  await closed(client, 1000);
  api.core.shells.before = null;
  expect(JSON.stringify(client.said)).not.toContain('secret');
  expect(api.log()).toContain('secret of the inside');
  expect(api.log()).not.toContain(given);
});

it('where terminals are switched off there is neither ticket nor shell', async () => {
  const off = await openTestApi({ terminal: false });
  await off.core.addMachines(1);
  const token = await off.token('alice');
  const made = (await off.call(token, 'POST', '/api/reservations', { count: 1 })).body;
  const asked = { reservation_id: made.reservation_id, machine: 'm1' };
  expect(await off.call(token, 'POST', '/api/terminal-tickets', asked)).toMatchObject({
    status: 403,
    body: { message: expect.stringContaining('WEB_TERMINAL') },
  });
  expect((await off.call(token, 'GET', '/api/profile')).body.terminal).toBe(false);
  expect((await api.call(alice, 'GET', '/api/profile')).body.terminal).toBe(true);
  await off.close();
});

it('a server that ends says goodbye to its sockets, and is not held up by them', async () => {
  const other = await openTestApi();
  const address = await other.app.listen({ host: '127.0.0.1', port: 0 });
  const polite = await connectTerminal(address);
  const deaf = await connectTerminal(address);
  deaf.socket.pause();
  await other.close();
  await expect.poll(() => polite.code).toBe(1012);
  deaf.socket.terminate();
});

it('refused upgrades leave no connection behind', async () => {
  const other = await openTestApi();
  const address = new URL(await other.app.listen({ host: '127.0.0.1', port: 0 }));
  const open = () =>
    new Promise<number>((resolve, reject) => {
      other.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  for (const path of [
    '/api/whoami',
    '/api/nothing',
    '/api/%zz',
    '/api/machines/%zz',
    '/api/healthz',
    '/api/docs/',
    '/%',
  ]) {
    for (const origin of ['https://evil.example', address.origin]) {
      const socket = dial(Number(address.port), '127.0.0.1');
      const answered = once(socket, 'data');
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: ${address.host}\r\nOrigin: ${origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      );
      await answered;
      socket.end();
    }
  }
  await expect.poll(open).toBe(0);
  await other.close();
});
