import type { Socket } from 'node:net';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';
import { mayLogIn } from './login.ts';
import type { MachineMemory } from './machine.ts';
import { shellOf, verbOf } from './order.ts';
import { type PretendSize, runPretendCommand, runPretendShell } from './pretend-shell.ts';
import { runScript } from './script-run.ts';

const LOGIN_TRIES = 6;

/** What a connection has to know of the machine that it reached. */
export interface Door {
  readonly machine: MachineMemory;
  readonly rootPassword: string;
  /** The private key to prove the machine's identity with, in OpenSSH's format. */
  readonly hostKey: string;
  /** Aborted when the simulation closes. */
  readonly stopping: AbortSignal;
}

/**
 * Speaks SSH on a socket that reached a machine. The SSH server is made for this one connection, so that a machine
 * that nobody talks to costs no more than its listening port.
 */
export function serveConnection(socket: Socket, door: Door): void {
  socket.setNoDelay(true);
  const server = new ssh2.Server({ hostKeys: [door.hostKey], ident: 'Berth-simulated' }, (connection) => {
    // Connections end in many ways, all of them normal here; 'close' follows each.
    connection.on('error', () => undefined);
    letIn(connection, socket, door);
  });
  server.injectSocket(socket);
}

function letIn(connection: Connection, socket: Socket, door: Door): void {
  let attempts = 0;
  let refused = 0;
  connection.on('authentication', (attempt) => {
    attempts += 1;
    if (mayLogIn(attempt, door.machine, door.rootPassword)) {
      const account = attempt.username;
      attempt.accept();
      if (attempt.method !== 'publickey' || attempt.signature) serveUser(connection, socket, door, account);
      return;
    }
    attempt.reject(['publickey', 'password']);
    // Clients begin with `none` to learn what else there is; that is no try.
    if (attempts > 1 || attempt.method !== 'none') refused += 1;
    if (refused >= LOGIN_TRIES) hangUp(connection, socket);
  });
}

function serveUser(connection: Connection, socket: Socket, door: Door, account: string): void {
  const { machine, stopping } = door;
  const drop = (): void => void socket.resetAndDestroy();
  const ended = machine.openSession(account, () => hangUp(connection, socket));
  socket.once('close', ended);
  connection.on('session', (accept) => {
    const session = accept();
    let size: PretendSize | null = null;
    const resized = (to: PretendSize): void => {
      if (size) Object.assign(size, { rows: to.rows, cols: to.cols });
    };
    session.on('pty', (agree, _refuse, { rows, cols }) => {
      size = { rows, cols };
      agree?.();
    });
    session.on('window-change', (agree, _refuse, to) => {
      resized(to);
      agree?.();
    });
    session.on('env', (agree) => agree?.());
    session.on('shell', (agree) => runPretendShell(agree(), account, machine.name, size));
    session.on('exec', (agree, _refuse, { command }) => {
      const verb = account === 'root' ? verbOf(command) : null;
      const shell = account === 'root' ? shellOf(command) : null;
      if (verb) void runScript(agree(), machine, verb, drop, stopping);
      else if (shell) openAccountShell(agree(), machine, shell, size);
      else runPretendCommand(agree(), command, account, machine.name);
    });
  });
}

/** A shell that Berth opens in an account; it ends with the account. */
function openAccountShell(
  channel: ServerChannel,
  machine: MachineMemory,
  { account, allocation }: { account: string; allocation: string },
  size: PretendSize | null,
): void {
  if (machine.accounts.get(account)?.allocationId !== allocation) {
    channel.exit(91);
    channel.end();
    return;
  }
  channel.once(
    'close',
    machine.openSession(account, () => channel.close()),
  );
  runPretendShell(channel, account, machine.name, size);
}

/** Ends a connection politely, and surely: a client that does not answer does not keep it open. */
function hangUp(connection: Connection, socket: Socket): void {
  connection.end();
  socket.destroySoon();
}
