import ssh2, { type Client, type ConnectConfig } from 'ssh2';
import type { SimulatedMachine } from '#core/access/simulated/simulated-machines.ts';

export interface Ran {
  readonly output: string;
  readonly code: number | null;
}

/** Logs in to a simulated machine with the SSH library alone, checking the host key against the one it shows. */
export function logIn(machine: SimulatedMachine, how: ConnectConfig): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.on('connect', () => client.setNoDelay(true));
    client.on('ready', () => resolve(client));
    client.on('error', reject);
    client.on('close', () => reject(new Error('closed before the login')));
    client.connect({
      host: machine.host,
      port: machine.port,
      readyTimeout: 5_000,
      hostVerifier: (key: Buffer) => `ssh-ed25519 ${key.toString('base64')}` === machine.hostKey,
      ...how,
    });
  });
}

export function logInAsRoot(machine: SimulatedMachine): Promise<Client> {
  return logIn(machine, { username: 'root', password: machine.password });
}

/** Runs a command with the given standard input; rejects if the connection or channel ends without an exit status. */
export function run(client: Client, command: string, input = ''): Promise<Ran> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) return reject(error);
      let output = '';
      let code: number | null = null;
      channel.on('data', (part: Buffer) => {
        output += part.toString();
      });
      channel.stderr.on('data', (part: Buffer) => {
        output += part.toString();
      });
      channel.on('exit', (status: number) => {
        code = status;
      });
      channel.on('close', () => (code === null ? reject(new Error('no exit status')) : resolve({ output, code })));
      channel.end(input);
    });
  });
}

/** Runs a script of Berth by its first line, with an order of `name value` lines; gives back the lines of the answer. */
export async function order(
  client: Client,
  verb: 'probe' | 'create-account' | 'remove-account',
  values: Record<string, string | number> = {},
  keys: readonly string[] = [],
): Promise<string[]> {
  const lines = Object.entries(values).map(([name, value]) => `${name} ${value}\n`);
  const input = `${lines.join('')}${keys.map((key) => `key ${key}\n`).join('')}end\n`;
  const { output, code } = await run(client, `sh -c '# berth ${verb} 1\nexit 1'`, input);
  if (code !== 0) throw new Error(`the script ended with ${code}: ${output}`);
  return output.trimEnd().split('\n');
}

/** Resolves when the connection is closed, however it came about. */
export function closed(client: Client): Promise<void> {
  return new Promise((resolve) => client.once('close', () => resolve()));
}
