import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectTerminal } from '../support/terminal-client.ts';
import { openTestApi, type TestApi } from '../support/test-api.ts';
import { garbage, hostileText, runs, SEED } from './like-schema.ts';

let api: TestApi;
let base: string;
const sockets = new Set<Socket>();
beforeAll(async () => {
  api = await openTestApi();
  base = await api.app.listen({ host: '127.0.0.1', port: 0 });
  await api.core.addMachines(1);
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await api.close();
});

/** A frame as it goes over the wire, masked as a client's has to be; its head may be anything. */
function frame(
  opcode: number,
  payload: Buffer,
  { fin = true, masked = true, reserved = 0, claims = payload.length } = {},
): Buffer {
  const head = [(fin ? 0x80 : 0) | (reserved << 4) | opcode];
  const mask = masked ? 0x80 : 0;
  if (claims < 126) head.push(mask | claims);
  else if (claims < 65_536) head.push(mask | 126, claims >> 8, claims & 255);
  else head.push(mask | 127, ...[56, 48, 40, 32, 24, 16, 8, 0].map((bits) => Math.floor(claims / 2 ** bits) & 255));
  // A mask of zeros leaves the payload as it is.
  return Buffer.concat([Buffer.from(head), masked ? Buffer.alloc(4) : Buffer.alloc(0), payload]);
}

/** A socket after the handshake, as bytes. */
async function upgraded(): Promise<{ socket: Socket; closed: Promise<void> }> {
  const { port, host } = new URL(base);
  const socket = connect(Number(port), '127.0.0.1');
  sockets.add(socket);
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.write(
    `GET /api/terminal HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
  );
  await new Promise((resolve) => socket.once('data', resolve));
  socket.resume();
  return { socket, closed };
}

const payload = fc.oneof(
  garbage.map((value) => Buffer.from(JSON.stringify(value) ?? '')),
  hostileText.map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc
    .record({
      type: fc.constantFrom('open', 'resize', 'x'),
      ticket: garbage,
      cols: garbage,
      rows: garbage,
      resume: garbage,
    })
    .map((message) => Buffer.from(JSON.stringify(message))),
  fc.constant(Buffer.from(JSON.stringify({ type: 'open', ticket: 'x', cols: 80, rows: 24, resume: null }))),
);
const wire = fc
  .tuple(
    fc.oneof(
      { arbitrary: fc.constantFrom(1, 2), weight: 6 },
      { arbitrary: fc.constantFrom(0, 8, 9, 10, 3, 11, 15), weight: 2 },
    ),
    payload,
    fc.record({
      fin: fc.integer({ min: 0, max: 5 }).map((dice) => dice > 0),
      masked: fc.integer({ min: 0, max: 15 }).map((dice) => dice > 0),
      reserved: fc.integer({ min: 0, max: 15 }).map((dice) => (dice === 0 ? 4 : 0)),
      more: fc.constantFrom(0, 0, 0, 0, 0, 1, 2 ** 20, 2 ** 40, 2 ** 53),
    }),
  )
  .map(([opcode, bytes, { more, ...how }]) => frame(opcode, bytes, { ...how, claims: bytes.length + more }));

describe('the socket of the terminal', () => {
  it('gets any frames whatever, and lets go of whoever has no ticket', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ arbitrary: wire, weight: 5 }, { arbitrary: payload, weight: 1 }), {
          minLength: 1,
          maxLength: 8,
        }),
        async (frames) => {
          const { socket } = await upgraded();
          await new Promise<void>((resolve) => socket.write(Buffer.concat(frames), () => resolve()));
          socket.end();
        },
      ),
      { seed: SEED, numRuns: runs(400), endOnFailure: true },
    );
    await stillWell();
    expect(api.core.shells.opened).toEqual([]);
  });

  it('gets tickets that are garbage, and opens nothing', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(hostileText, fc.boolean(), async (ticket, binary) => {
        const client = await connectTerminal(base);
        client.socket.send(JSON.stringify({ type: 'open', ticket, cols: 80, rows: 24, resume: null }), { binary });
        await expect.poll(() => client.code, { interval: 5 }).toBe(1008);
        expect(client.said.map(({ type }) => type)).toEqual(['closed']);
      }),
      { seed: SEED, numRuns: runs(80), endOnFailure: true },
    );
    expect(api.core.shells.opened).toEqual([]);
  });

  it.each<[string, (write: (bytes: Buffer) => boolean) => boolean]>([
    [
      'pings whose answers it does not read',
      (write) => write(Buffer.alloc(131 * 500, frame(9, Buffer.alloc(125, 'x')))),
    ],
    [
      'one message in endless pieces',
      (write) => write(Buffer.alloc(7 * 5_000, frame(0, Buffer.from('x'), { fin: false }))),
    ],
    ['one endless frame', (write) => write(Buffer.alloc(65_536, 'x'))],
    ['words after it was told to go', (write) => write(Buffer.alloc(8 * 4_000, frame(1, Buffer.from('{}'))))],
  ])('gets %s, and keeps little of it', { timeout: 60_000 }, async (what, pour) => {
    const before = process.memoryUsage.rss();
    const began = performance.now();
    const all = await Promise.all(Array.from({ length: 20 }, upgraded));
    for (const { socket } of all) {
      if (what.startsWith('pings')) socket.pause();
      if (what.startsWith('one message')) socket.write(frame(1, Buffer.from('{'), { fin: false }));
      if (what.startsWith('one endless')) socket.write(frame(2, Buffer.alloc(0), { claims: 2 ** 40 }));
      const on = (): void => {
        for (let round = 0; round < 50 && !socket.destroyed; round += 1)
          if (!pour((bytes) => socket.write(bytes))) break;
      };
      socket.on('drain', on);
      on();
    }
    // A ticket has to come within ten seconds, whatever else does.
    const paused = all.filter(({ socket }) => socket.isPaused());
    const watch = setInterval(() => {
      for (const { socket } of paused) if (performance.now() - began > 20_000) socket.resume();
    }, 500);
    await Promise.all(all.map(({ closed }) => closed));
    clearInterval(watch);
    expect(performance.now() - began).toBeLessThan(45_000);
    expect((process.memoryUsage.rss() - before) / 2 ** 20).toBeLessThan(200);
    await stillWell();
  });
});

/** A good client is served, and nothing unexpected was met. */
async function stillWell(): Promise<void> {
  const client = await connectTerminal(base);
  client.open('nobody-has-this-ticket');
  await expect.poll(() => client.code).toBe(1008);
  expect((await api.call(null, 'GET', '/api/healthz')).status).toBe(200);
  expect(api.log()).not.toMatch(/terminal failed|request failed/);
}
