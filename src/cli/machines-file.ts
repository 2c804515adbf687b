import { closeSync, openSync, readSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import type { Input } from '#contract/client.ts';
import { MachineToRegister } from '#contract/schemas.ts';

export type MachineEntry = Input<'registerMachine'>['body'] & { readonly port: number };

export interface MachinesFile {
  /** Empty when there is a problem. */
  readonly machines: readonly MachineEntry[];
  /** Everything that is wrong with the file, each naming machine and field; never a secret. */
  readonly problems: readonly string[];
}

const SSH_PORT = 22;
const MOST_OF_FILE = 4 * 1024 * 1024;
/** Of the YAML itself: the others mostly follow from the first ones. */
const MOST_ERRORS = 20;
const MOST_OF_KEY = 64 * 1024;
const LOCAL = /^(localhost|127\.0\.0\.1|::1)$/i;
const FIELDS: Readonly<Record<string, Schema>> = MachineToRegister.properties;
/** What a field takes, in words; the contract says it exactly. */
const TAKES: Readonly<Record<string, string>> = {
  name: 'letters, digits, ".", "_" and "-", beginning with a letter or digit, at most 64',
  host: 'a host name or an IP address',
  port: 'a whole number from 1 to 65535',
  user: 'a login name like root, beginning with a small letter or "_"',
  password: 'text of one line; write it in quotes where it looks like a number or a word such as yes',
  private_key: 'the text of a private key, beginning with -----BEGIN',
  labels: 'a list of words in small letters, like [gpu, debian]',
  host_key: 'one line like "ssh-ed25519 AAAA..." (ssh-keyscan prints it)',
};

/** Reads `machines:` of a YAML file. `gateway` is what takes the place of localhost, or null to leave it. */
export function readMachinesFile(file: string, gateway: string | null): MachinesFile {
  let text: string;
  try {
    text = readText(file, MOST_OF_FILE);
  } catch (error) {
    return failed([`${file}: ${unreadable(error)}`]);
  }
  const lineCounter = new LineCounter();
  let list: unknown;
  try {
    const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error' });
    if (document.errors.length > 0) {
      return failed(
        document.errors
          .slice(0, MOST_ERRORS)
          .map((error) => `${file}, line ${lineCounter.linePos(error.pos[0]).line}: ${error.message}`),
      );
    }
    list = document.toJS({ maxAliasCount: 100 })?.machines;
  } catch (error) {
    // Too many aliases, or nested too deeply.
    return failed([`${file}: ${(error as Error).message}`]);
  }
  if (!Array.isArray(list)) return failed([`${file}: "machines:" with a list of machines is needed`]);
  return checked(list, dirname(resolve(file)), gateway);
}

function checked(list: readonly unknown[], folder: string, gateway: string | null): MachinesFile {
  const problems: string[] = [];
  const seen = new Map<string, string>();
  const machines = list.map((given, index) => {
    const named = isRecord(given) && typeof given['name'] === 'string' ? ` (${given['name'].slice(0, 64)})` : '';
    const title = `machine ${index + 1}${named}`;
    const report = (problem: string): void => void problems.push(`${title}: ${problem}`);
    const entry = entryOf(given, folder, gateway, report);
    const once = (what: string, value: string): void => {
      const earlier = seen.get(`${what} ${value}`);
      if (earlier !== undefined) report(`${what}: ${value} is used by ${earlier} already`);
      else seen.set(`${what} ${value}`, title);
    };
    if (entry) {
      once('name', entry.name);
      once('host', `${entry.host.toLowerCase()}:${entry.port}`);
    }
    return entry;
  });
  return problems.length > 0 ? failed(problems) : { machines: machines.filter((one) => one !== null), problems };
}

/** Null, with everything that is wrong reported, for what is no machine. */
function entryOf(
  given: unknown,
  folder: string,
  gateway: string | null,
  report: (problem: string) => void,
): MachineEntry | null {
  if (!isRecord(given)) {
    report('name, host, port, user and password are needed');
    return null;
  }
  let good = true;
  const wrong = (problem: string): void => {
    good = false;
    report(problem);
  };
  const { private_key_file: keyFile, ...rest } = given;
  const entry: Record<string, unknown> = { port: SSH_PORT, ...rest };
  if (keyFile !== undefined) {
    if (entry['private_key'] !== undefined) wrong('private_key_file: give it or private_key, not both');
    entry['private_key'] = keyText(keyFile, folder, wrong);
  }
  for (const name of ['name', 'host', 'user']) if (entry[name] === undefined) wrong(`${name}: is missing`);
  if ((entry['password'] === undefined) === (entry['private_key'] === undefined)) {
    wrong('password: give a password, or a private_key, or a private_key_file; exactly one of them');
  }
  for (const [name, value] of Object.entries(entry)) {
    const schema = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (!schema) wrong(`${name}: there is no such field`);
    else if (value !== undefined && !fits(value, schema)) wrong(`${name}: takes ${TAKES[name] ?? 'something else'}`);
  }
  if (!good) return null;
  const machine = entry as MachineEntry;
  return gateway !== null && LOCAL.test(machine.host) ? { ...machine, host: gateway } : machine;
}

function keyText(file: unknown, folder: string, wrong: (problem: string) => void): string | undefined {
  if (typeof file !== 'string') {
    wrong('private_key_file: takes the name of a file');
    return undefined;
  }
  try {
    return readText(resolve(folder, file), MOST_OF_KEY);
  } catch (error) {
    wrong(`private_key_file: ${file} ${unreadable(error)}`);
    return undefined;
  }
}

class TooLong extends Error {}

/** The text of a file, which may also be a pipe or a device. */
function readText(file: string, mostBytes: number): string {
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(mostBytes + 1);
    let size = 0;
    for (let read = 1; read > 0 && size <= mostBytes; size += read)
      read = readSync(descriptor, buffer, size, mostBytes + 1 - size, null);
    if (size > mostBytes)
      throw new TooLong(
        `is longer than ${mostBytes >= 2 ** 20 ? `${mostBytes / 2 ** 20} MiB` : `${mostBytes / 1024} KiB`}`,
      );
    return buffer.toString('utf8', 0, size);
  } finally {
    closeSync(descriptor);
  }
}

function unreadable(error: unknown): string {
  return error instanceof TooLong ? error.message : `cannot be read (${(error as NodeJS.ErrnoException).code})`;
}

interface Schema {
  readonly type?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
}

/** As much of JSON Schema as the contract's machine needs. */
function fits(value: unknown, schema: Schema): boolean {
  switch (schema.type) {
    case 'string':
      return (
        typeof value === 'string' &&
        within(value.length, schema.minLength, schema.maxLength) &&
        (schema.pattern === undefined || new RegExp(schema.pattern, 'u').test(value))
      );
    case 'integer':
      return Number.isInteger(value) && within(value as number, schema.minimum, schema.maximum);
    case 'array':
      return (
        Array.isArray(value) &&
        within(value.length, 0, schema.maxItems) &&
        value.every((one) => fits(one, schema.items ?? {}))
      );
    default:
      throw new Error(`the machine's schema has a type that is not known here: ${schema.type}`);
  }
}

function within(value: number, least = 0, most = Number.POSITIVE_INFINITY): boolean {
  return value >= least && value <= most;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function failed(problems: readonly string[]): MachinesFile {
  return { machines: [], problems };
}
