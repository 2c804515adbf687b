import ssh2, { Client, type ConnectConfig } from 'ssh2';
import type { AccountOrder, MachineAccess, RemovalOrder } from '#core/access/driver.ts';
import type { LabMachine } from '../support/docker-lab.ts';

/** A person's own login to a machine, as with any SSH program. */
export interface Login {
  /** What the command printed on standard output. */
  exec(command: string): Promise<string>;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  end(): void;
}

/** Logs in with a password or a private key; rejects when the machine refuses. */
export function login(
  machine: LabMachine,
  user: string,
  secret: { password: string } | { privateKey: string },
): Promise<Login> {
  const client = new Client();
  const methods: ConnectConfig['authHandler'] = 'password' in secret ? ['password'] : ['publickey'];
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
  return new Promise((resolve, reject) => {
    client.on('error', reject);
    client.once('ready', () =>
      resolve({ exec: (command) => output(client, command), closed, end: () => client.end() }),
    );
    client.connect({ host: machine.host, port: machine.port, username: user, authHandler: methods, ...secret });
  });
}

function output(client: Client, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) return reject(error);
      let text = '';
      channel.on('data', (data: Buffer) => {
        text += data.toString();
      });
      channel.stderr.resume();
      return channel.on('close', () => resolve(text.trim()));
    });
  });
}

/** Some of the keys that ssh2 1.17 makes (about 1 of 200) it cannot read itself; those are not used. */
export function keyPair(): { publicKey: string; privateKey: string } {
  for (;;) {
    const { public: publicKey, private: privateKey } = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'test' });
    if (!(ssh2.utils.parseKey(privateKey) instanceof Error)) return { publicKey, privateKey };
  }
}

/** How the driver is told to reach a lab machine. */
export function accessTo(machine: LabMachine, changes: Partial<MachineAccess> = {}): MachineAccess {
  return {
    id: machine.name,
    name: machine.name,
    host: machine.host,
    port: machine.port,
    user: machine.user,
    credential: { kind: 'password', password: machine.password },
    hostKey: null,
    ...changes,
  };
}

let generation = 0;

/** An order that no other order equals: a new allocation, a later generation, and an account name of its own. */
export function newOrder(changes: Partial<AccountOrder> = {}): AccountOrder & RemovalOrder {
  generation += 1;
  return {
    allocationId: `allocation-${generation}`,
    generation,
    accountName: `user${generation}`,
    passwordHash: null,
    authorizedKeys: [],
    ...changes,
  };
}
