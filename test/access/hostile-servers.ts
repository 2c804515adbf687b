import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket, type Server as TcpServer } from 'node:net';
import ssh2, { type Connection, type ServerChannel, type ServerConfig } from 'ssh2';
import { keyPair } from './ssh-login.ts';

/** Something that listens where a machine should be, and means harm. */
export interface HostileServer {
  readonly port: number;
  /** How many connections to it are open now. */
  open(): number;
  close(): Promise<void>;
}

/** Not the address of well-behaved machines: what is bounded per host is bounded for these alone. */
export const HOSTILE_HOST = '127.0.0.2';
const IDENT = 'SSH-2.0-OpenSSH_9.2p1\r\n';

async function listening(server: TcpServer, sockets: Set<Socket>): Promise<HostileServer> {
  server.listen(0, HOSTILE_HOST);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    open: () => sockets.size,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A server that does not speak SSH, or only begins to. */
export async function rawServer(act: (socket: Socket) => void): Promise<HostileServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    socket.resume();
    act(socket);
  });
  return await listening(server, sockets);
}

/** Writes for as long as the other side takes it. */
function pour(socket: Socket, chunk: () => string | Buffer): void {
  const on = (): void => {
    while (!socket.destroyed && socket.write(chunk()));
  };
  socket.on('drain', on);
  on();
}

/** Writes a little every millisecond. */
function drip(socket: Socket, chunk: string): void {
  const timer = setInterval(() => socket.write(chunk), 1);
  socket.once('close', () => clearInterval(timer));
}

function packet(length: number, ...bytes: number[]): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(length);
  return Buffer.concat([head, Buffer.from(bytes)]);
}

const random = (size: number): Buffer => {
  let state = 42;
  return Buffer.from(
    Array.from({ length: size }, () => {
      state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
      return state >> 16;
    }),
  );
};

/** By what they do. */
export const RAW: readonly (readonly [string, (socket: Socket) => void])[] = [
  ['says nothing', () => undefined],
  ['hangs up at once', (socket) => socket.end()],
  ['resets at once', (socket) => socket.resetAndDestroy()],
  ['greets without end', (socket) => pour(socket, () => 'welcome to this machine\r\n'.repeat(1_000))],
  ['greets in one endless line', (socket) => pour(socket, () => 'x'.repeat(65_536))],
  ['greets without end, bit by bit', (socket) => drip(socket, 'hello\r\n')],
  ['sends line breaks alone', (socket) => pour(socket, () => '\n'.repeat(65_536))],
  ['sends garbage', (socket) => pour(socket, () => random(4_096))],
  ['answers in HTTP', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n')],
  ['speaks SSH 1', (socket) => socket.write('SSH-1.5-old\r\n')],
  ['has escapes in its name', (socket) => socket.end('SSH-2.0-\u001b]0;owned\u0007\u001b[2J x\r\n')],
  ['stops after its name', (socket) => socket.write(IDENT)],
  ['hangs up after its name', (socket) => socket.end(IDENT)],
  ['sends garbage after its name', (socket) => pour(socket.write(IDENT) ? socket : socket, () => random(4_096))],
  ['announces a huge packet', (socket) => socket.write(Buffer.concat([Buffer.from(IDENT), packet(0xffffffff, 4, 20)]))],
  ['announces an empty packet', (socket) => socket.write(Buffer.concat([Buffer.from(IDENT), packet(0)]))],
  ['sends half a packet', (socket) => socket.write(Buffer.concat([Buffer.from(IDENT), packet(1_000, 4, 20, 1, 2, 3)]))],
  [
    'sends ignored packets without end',
    (socket) => {
      socket.write(IDENT);
      // SSH_MSG_IGNORE with 1 KiB in it.
      const one = Buffer.concat([packet(1_036, 6, 2, 0, 0, 4, 0), Buffer.alloc(1_030)]);
      pour(socket, () => one);
    },
  ],
];

/** A server that speaks SSH, with a login that is right; `act` gets each connection. */
export async function sshServer(
  act: (connection: Connection) => void,
  options: Partial<ServerConfig> = {},
): Promise<HostileServer> {
  const sockets = new Set<Socket>();
  const ssh = new ssh2.Server({ hostKeys: [keyPair().privateKey], ...options }, (connection) => {
    connection.on('error', () => undefined);
    act(connection);
  });
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    ssh.injectSocket(socket);
  });
  return await listening(server, sockets);
}

/** Lets everybody in and answers a command as it likes. */
export function onCommand(
  act: (channel: ServerChannel, connection: Connection) => void,
): (connection: Connection) => void {
  return (connection) => {
    connection.on('authentication', (context) => context.accept());
    connection.on('session', (accept) => {
      const session = accept();
      session.on('pty', (acceptPty) => acceptPty?.());
      session.on('exec', (acceptExec) => {
        const channel = acceptExec();
        channel.on('error', () => undefined);
        act(channel, connection);
      });
    });
  };
}

/** Writes to a channel for as long as the other side takes it. */
export function pourInto(stream: NodeJS.WritableStream, chunk: string | Buffer): void {
  let over = false;
  stream.once('close', () => {
    over = true;
  });
  const on = (): void => {
    while (!over && stream.write(chunk));
  };
  stream.on('drain', on);
  on();
}
