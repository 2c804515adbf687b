import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/test-api.ts';

/** Clients that hold on to what they have: each is let go in the end, and nobody else waits for them meanwhile. */
describe('slow clients', { timeout: 90_000 }, () => {
  let api: TestApi;
  let port: number;
  const sockets = new Set<Socket>();

  beforeAll(async () => {
    api = await openTestApi();
    await api.core.addMachines(1);
    await api.app.listen({ host: '127.0.0.1', port: 0 });
    port = (api.app.server.address() as AddressInfo).port;
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await api.close();
  });

  interface Client {
    readonly socket: Socket;
    readonly heard: () => string;
    readonly closed: Promise<void>;
  }
  async function open(): Promise<Client> {
    const socket = connect(port, '127.0.0.1');
    sockets.add(socket);
    let heard = '';
    socket.on('data', (data) => {
      heard += data;
    });
    socket.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return { socket, heard: () => heard, closed };
  }
  const openMany = (count: number) => Promise.all(Array.from({ length: count }, open));
  /** Sends a byte now and then until the connection is closed. */
  async function drip(client: Client, text: string, everyMs: number): Promise<void> {
    let over = false;
    void client.closed.then(() => {
      over = true;
    });
    for (let at = 0; !over; at += 1) {
      client.socket.write(text[at % text.length] ?? 'x');
      await pause(everyMs);
    }
  }
  /** How long an answer takes for somebody else. */
  async function answers(): Promise<number> {
    const began = performance.now();
    expect((await fetch(`http://127.0.0.1:${port}/api/healthz`)).status).toBe(200);
    return performance.now() - began;
  }

  it.concurrent('who sends nothing at all is cut off within 20 s, and 500 of them keep nobody out', async () => {
    const began = performance.now();
    const idle = await openMany(500);
    expect(await answers()).toBeLessThan(10_000);
    await Promise.all(idle.map(({ closed }) => closed));
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(idle[0]?.heard()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it.concurrent('who sends a head byte by byte is cut off within 20 s', async () => {
    const slow = await openMany(200);
    const began = performance.now();
    for (const { socket } of slow) socket.write('GET /api/healthz HTTP/1.1\r\nHost: x\r\n');
    const dripping = slow.map((client) => drip(client, 'X-a: b\r\n', 500));
    expect(await answers()).toBeLessThan(10_000);
    await Promise.all(dripping);
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(slow[0]?.heard()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it.concurrent('who sends a body byte by byte is cut off within 40 s, and counts as no work meanwhile', async () => {
    const token = await api.token('alice');
    const slow = await openMany(200);
    const began = performance.now();
    for (const { socket } of slow) {
      socket.write(
        `POST /api/reservations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`,
      );
    }
    const dripping = slow.map((client) => drip(client, ' ', 500));
    expect(await answers()).toBeLessThan(10_000);
    await Promise.all(dripping);
    expect(performance.now() - began).toBeLessThan(40_000);
    expect(await api.core.store.tables.allocations.open()).toEqual([]);
  });

  it.concurrent('who asks on and on without reading is stopped, not served from memory', async () => {
    const { socket, closed } = await open();
    socket.pause();
    const before = process.memoryUsage().rss;
    const question = 'GET /api/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n';
    // 40 MB of answers or so for each round that is let through.
    for (let round = 0; round < 20 && socket.writableLength === 0; round += 1) {
      await new Promise<void>((resolve) => {
        socket.write(question.repeat(1_000), () => resolve());
        setTimeout(resolve, 200);
      });
    }
    await closed;
    expect(await answers()).toBeLessThan(10_000);
    expect((process.memoryUsage().rss - before) / 1024 / 1024).toBeLessThan(300);
  });

  it('requests whose connection is gone before their turn came keep nobody out', async () => {
    for (let client = 0; client < 120; client += 1) {
      const { socket } = await open();
      socket.write('GET /api/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(30));
      setTimeout(() => socket.destroy(), 5);
    }
    await expect.poll(async () => (await fetch(`http://127.0.0.1:${port}/api/openapi.json`)).status).toBe(200);
  });

  it('a user has twenty event streams, and another user still gets one', async () => {
    const headers = async (name: string) => ({ authorization: `Bearer ${await api.token(name)}` });
    const leave = new AbortController();
    // An answer that nobody holds is garbage, and its stream ends when it is collected.
    const held: Response[] = [];
    const stream = async (name: string) => {
      const signal = leave.signal;
      held.push(await fetch(`http://127.0.0.1:${port}/api/events`, { headers: await headers(name), signal }));
      return held.at(-1)?.status;
    };
    for (let count = 0; count < 20; count += 1) expect(await stream('alice')).toBe(200);
    expect(await stream('alice')).toBe(429);
    expect(await stream('bob')).toBe(200);
    leave.abort();
  });

  it('a head may be 16 KiB and a part of a path 256 characters; more is refused in words', async () => {
    const ask = async (head: string): Promise<string> => {
      const client = await open();
      client.socket.write(`${head}\r\nConnection: close\r\n\r\n`);
      await client.closed;
      return client.heard();
    };
    expect(await ask(`GET /api/healthz HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(15_000)}`)).toMatch(/^HTTP\/1\.1 200 /);
    const fat = await ask(`GET /api/healthz HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(17_000)}`);
    expect(fat).toMatch(/^HTTP\/1\.1 431 /);
    expect(fat).toContain('the headers are too large');
    expect(await ask(`GET /api/machines/${'x'.repeat(257)} HTTP/1.1\r\nHost: x`)).toMatch(/^HTTP\/1\.1 414 /);
    // So many headers that they would fit, one by one.
    const many = Array.from({ length: 1_000 }, (_, i) => `x${i}: ${'y'.repeat(10)}`).join('\r\n');
    expect(await ask(`GET /api/healthz HTTP/1.1\r\nHost: x\r\n${many}`)).toMatch(/^HTTP\/1\.1 (200|431) /);
  });
});
