import { createServer, type Server, type Socket } from 'node:net';
import ssh2 from 'ssh2';
import { serveConnection } from './connection.ts';
import { type Faults, MachineMemory, type SimulatedAccount } from './machine.ts';

export interface SimulationOptions {
  /** How many machines, at least 1. */
  readonly count: number;
  /** The first machine listens here, the others on the ports after it. Any free ports when it is 0 or left out. */
  readonly firstPort?: number;
  /** Only `127.0.0.1` (the default) and `::1` are allowed: a simulated machine is not for anybody else. */
  readonly host?: '127.0.0.1' | '::1';
  /** Root's password on every machine. */
  readonly password: string;
  /**
   * Private host keys as makeHostKey makes them, handed to the machines in turn. When left out, all machines share
   * one key that is made at the start; pass keys that were kept to look the same after a restart.
   */
  readonly hostKeys?: readonly string[];
}

/** A machine that exists only in this process. */
export interface SimulatedMachine {
  /** `simulated-001` and so on; as many digits as the last one needs, at least two. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: 'root';
  readonly password: string;
  /** The public host key as `ssh-ed25519 AAAA...`. */
  readonly hostKey: string;
  readonly accounts: ReadonlyMap<string, SimulatedAccount>;
  /** What goes wrong on this machine; may be changed at any time. */
  readonly faults: Faults;
  /** Whether accounts of two different allocations were ever on the machine at the same time. */
  readonly everOverlapped: boolean;
  /** Makes an account as if somebody had made it by hand. Nobody can log in to it. */
  addForeignAccount(name: string): void;
  /** Makes an account as if an allocation had left it here. Nobody can log in to it. */
  leaveAccount(name: string, allocationId: string): void;
  /** Makes files as if an account that is gone had left them. */
  leaveFiles(count: number): void;
  /** Resets all open connections, as a machine does that loses its power. */
  dropConnections(): void;
}

/** Machines that are being simulated. */
export interface Simulation {
  readonly machines: readonly SimulatedMachine[];
  /** Closes every port and connection; afterwards nothing of the machines is left. */
  close(): Promise<void>;
}

/**
 * Plays SSH machines on loopback ports of this process, with accounts in memory: for a first look without any
 * machine, and for tests of scale. They speak the protocol of the SSH driver's scripts and run no command at all.
 * @throws Error for a count, port, host or key that cannot be, and when a port is taken; nothing is left open then.
 */
export async function startSimulatedMachines(options: SimulationOptions): Promise<Simulation> {
  const { count, firstPort = 0, host = '127.0.0.1', password } = options;
  check(options);
  const hostKeys = options.hostKeys ?? [makeHostKey()];
  const publicKeys = hostKeys.map(publicKeyOf);
  const wrongKey = makeHostKey();
  const stop = new AbortController();
  const digits = Math.max(2, String(count).length);

  const machines = Array.from({ length: count }, (_, index) => {
    const memory = new MachineMemory(`simulated-${String(index + 1).padStart(digits, '0')}`);
    const hostKey = hostKeys[index % hostKeys.length] as string;
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', () => undefined); // the other side left; 'close' follows
      const { faults } = memory;
      if (faults.refuse) return void socket.resetAndDestroy();
      if (faults.hang) return void socket.resume();
      const offered = faults.wrongHostKey ? wrongKey : hostKey;
      serveConnection(socket, { machine: memory, rootPassword: password, hostKey: offered, stopping: stop.signal });
    });
    const dropConnections = (): void => {
      for (const socket of sockets) socket.resetAndDestroy();
    };
    return { memory, server, dropConnections, hostKey: publicKeys[index % publicKeys.length] as string };
  });

  const close = async (): Promise<void> => {
    stop.abort();
    await Promise.all(
      machines.map(async ({ server, dropConnections }) => {
        const closed = closeServer(server);
        dropConnections();
        await closed;
      }),
    );
  };

  const opened = await Promise.allSettled(
    machines.map(({ server }, index) => listen(server, host, firstPort === 0 ? 0 : firstPort + index)),
  );
  const failure = opened.find((result) => result.status === 'rejected');
  if (failure) {
    await close();
    throw failure.reason;
  }
  return {
    machines: machines.map(({ memory, server, dropConnections, hostKey }) => ({
      name: memory.name,
      host,
      port: portOf(server),
      user: 'root',
      password,
      hostKey,
      accounts: memory.accounts,
      faults: memory.faults,
      get everOverlapped() {
        return memory.everOverlapped;
      },
      addForeignAccount: (name) => memory.addForeignAccount(name),
      leaveAccount: (name, allocationId) => memory.leaveAccount(name, allocationId),
      leaveFiles: (count) => memory.leaveFiles(count),
      dropConnections,
    })),
    close,
  };
}

/** A new private host key (Ed25519, OpenSSH's format). */
export function makeHostKey(): string {
  // The SSH library writes a key that it cannot read itself about once in 200 times.
  for (;;) {
    const { private: key } = ssh2.utils.generateKeyPairSync('ed25519');
    if (!(ssh2.utils.parseKey(key) instanceof Error)) return key;
  }
}

function publicKeyOf(privateKey: string): string {
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw new Error(`This is no private host key: ${key.message}`);
  return `${key.type} ${key.getPublicSSH().toString('base64')}`;
}

function check({ count, firstPort = 0, host = '127.0.0.1', password, hostKeys }: SimulationOptions): void {
  if (!Number.isInteger(count) || count < 1) throw new Error('At least one machine has to be simulated');
  if (!Number.isInteger(firstPort) || firstPort < 0 || firstPort + count > 65_536) {
    throw new Error(`There are no ${count} ports from ${firstPort} on`);
  }
  if (host !== '127.0.0.1' && host !== '::1') {
    throw new Error(`Simulated machines listen on 127.0.0.1 or ::1 only, not on ${host as string}`);
  }
  if (password === '') throw new Error('Simulated machines need a password');
  if (hostKeys?.length === 0) throw new Error('At least one host key is needed');
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      // E.g. too many open files: that connection is lost, the machine goes on.
      server.on('error', () => undefined);
      resolve();
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (server.listening) server.close(() => resolve());
    else resolve();
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('A simulated machine has lost its port');
  return address.port;
}
