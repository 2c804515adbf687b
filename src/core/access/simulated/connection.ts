import type { Socket } from 'node:net';
import ssh2, { type Connection } from 'ssh2';
import { mayLogIn } from './login.ts';
import type { MachineMemory } from './machine.ts';
import { verbOf } from './order.ts';
import { runPretendCommand, runPretendShell } from './pretend-shell.ts';
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
    let terminal = false;
    session.on('pty', (agree) => {
      terminal = true;
      agree?.();
    });
    session.on('window-change', (agree) => agree?.());
    session.on('env', (agree) => agree?.());
    session.on('shell', (agree) => runPretendShell(agree(), account, machine.name, terminal));
    session.on('exec', (agree, _refuse, { command }) => {
      const verb = account === 'root' ? verbOf(command) : null;
      if (verb) void runScript(agree(), machine, verb, drop, stopping);
      else runPretendCommand(agree(), command, account, machine.name);
    });
  });
}

/** Ends a connection politely, and surely: a client that does not answer does not keep it open. */
function hangUp(connection: Connection, socket: Socket): void {
  connection.end();
  socket.destroySoon();
}
