import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CliError, EXIT } from './exit.ts';
import type { Reservation } from './reserving.ts';
import { plain } from './text.ts';

/** A machine as ssh needs to know it: every value has been looked at. */
export interface Target {
  readonly machine: string;
  readonly host: string;
  readonly port: number;
  readonly account: string;
  /** `ssh-ed25519 AAAA...` */
  readonly hostKey: string;
}

// What a server sends ends up in arguments, in a known_hosts file and in an Ansible inventory; anything that could mean
// more than a value there is refused.
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const HOST = /^[A-Za-z0-9:][A-Za-z0-9.:_-]{0,252}$/;
const ACCOUNT = /^[a-z_][a-z0-9_-]{0,31}$/;
const HOST_KEY = /^[a-z0-9@.-]{1,64} [A-Za-z0-9+/=]{16,16384}$/;

type Allocation = Reservation['machines'][number];

/** @throws CliError when the machine is not ready to be used, or a value is not what it should be. */
export function targetOf({ username }: Pick<Reservation, 'username'>, one: Allocation): Target {
  const { machine, host, port, state, host_key: hostKey } = one;
  if (state !== 'active') {
    throw new CliError('not_ready', EXIT.failed, `${machine} cannot be used now: it is ${state}`, 'berth list');
  }
  if (hostKey === null) {
    const message = `the server knows no host key of ${machine}, so nobody can tell whether it is the right machine`;
    throw new CliError('no_host_key', EXIT.failed, message);
  }
  const wellFormed =
    NAME.test(machine) && HOST.test(host) && ACCOUNT.test(username) && HOST_KEY.test(hostKey) && isPort(port);
  if (!wellFormed) {
    const message = `what the server says of the machine "${plain(machine)}" is not usable`;
    throw new CliError('failed', EXIT.failed, message);
  }
  return { machine, host, port, account: username, hostKey };
}

/** Lines for known_hosts: each key under the machine's name, and under nothing else. */
export function knownHosts(targets: readonly Target[]): string {
  return targets.map(({ machine, hostKey }) => `${machine} ${hostKey}\n`).join('');
}

/** Arguments of ssh that reach the machine only if it shows its pinned key. */
export function sshArguments(target: Target, knownHostsFile: string, options: readonly string[]): string[] {
  const pinned = [
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile="${knownHostsFile}"`,
    'GlobalKnownHostsFile=/dev/null',
    `HostKeyAlias=${target.machine}`,
    'CheckHostIP=no',
    'UpdateHostKeys=no',
    'VerifyHostKeyDNS=no',
  ];
  return [
    ...pinned.flatMap((option) => ['-o', option]),
    ...options,
    ...['-p', String(target.port), '-l', target.account, '--', target.host],
  ];
}

/** One word is a line for the shell over there; several are a program and its arguments, which arrive as they are. */
export function remoteCommand(words: readonly string[]): string {
  return words.length === 1 ? (words[0] as string) : words.map(quoted).join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Runs work with a folder that only this user can read, and takes it away again. */
export async function withPrivateFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // Also when the process ends on another way than through here.
  process.once('exit', remove);
  try {
    chmodSync(folder, 0o700);
    return await work(folder);
  } finally {
    remove();
    process.off('exit', remove);
  }
}

/** Writes the pinned keys into the folder and answers the file. */
export function writeKnownHosts(folder: string, targets: readonly Target[]): string {
  const file = join(folder, 'known_hosts');
  writeFileSync(file, knownHosts(targets), { mode: 0o600 });
  return file;
}

/** For a program of OpenSSH that could not be started. */
export function noProgram(name: string, error: Error): CliError {
  const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  const message = missing ? `"${name}" is not installed` : `"${name}" cannot be started: ${error.message}`;
  return new CliError('failed', EXIT.failed, message, missing ? 'Install the OpenSSH client.' : null);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536;
}
