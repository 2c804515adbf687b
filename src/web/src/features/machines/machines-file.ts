import type { Part } from '#contract/routes.ts';

type MachineToRegister = Part<'registerMachine', 'body'>;

/** One entry of a machines.yml: ready to be registered, or with what is wrong with it. */
export interface FileRow {
  /** Its place in the file, from 1 on. */
  readonly number: number;
  readonly name: string;
  readonly address: string;
  readonly body: MachineToRegister | null;
  readonly problem: string | null;
}

const KNOWN = ['name', 'host', 'port', 'user', 'password', 'private_key', 'labels', 'host_key'];
export const LOCAL = /^(localhost|127\.0\.0\.1|::1)$/;

/**
 * Reads a machines.yml: a list under `machines:`, or the list alone. The server has the last word on each value.
 * @throws Error that says what is wrong, when it is no such list.
 */
export async function readMachinesFile(text: string): Promise<FileRow[]> {
  const { parse } = await import('yaml');
  let data: unknown;
  try {
    data = parse(text, { maxAliasCount: 0, logLevel: 'error' });
  } catch (error) {
    throw new Error(`this is no YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  const list = Array.isArray(data) ? data : isRecord(data) ? data['machines'] : undefined;
  if (!Array.isArray(list) || list.length === 0) {
    throw new Error('a list of machines is needed: "machines:", and below it entries that begin with "- name:"');
  }
  const seen = new Set<string>();
  return list.map((entry, index) => rowOf(entry, index + 1, seen));
}

function rowOf(entry: unknown, number: number, seen: Set<string>): FileRow {
  if (!isRecord(entry))
    return { number, name: '', address: '', body: null, problem: 'name, host, user and a credential are needed' };
  const name = textOf(entry['name']);
  const address = `${textOf(entry['host'])}:${textOf(entry['port'] ?? 22)}`;
  const problem = problemOf(entry, name, seen);
  seen.add(name);
  // Names and passwords made of digits are read as numbers; they are text all the same.
  const body = {
    ...entry,
    name,
    user: textOf(entry['user']),
    ...(entry['password'] !== undefined && { password: textOf(entry['password']) }),
  };
  return { number, name, address, body: problem === null ? (body as unknown as MachineToRegister) : null, problem };
}

function problemOf(entry: Record<string, unknown>, name: string, seen: ReadonlySet<string>): string | null {
  for (const field of ['name', 'host', 'user']) if (textOf(entry[field]) === '') return `${field} is missing`;
  if (entry['password'] === undefined && entry['private_key'] === undefined)
    return 'password or private_key is missing';
  const strange = Object.keys(entry).find((key) => !KNOWN.includes(key));
  if (strange !== undefined) return `"${strange}" is not known; there are ${KNOWN.join(', ')}`;
  return seen.has(name) ? 'this name stands in the file twice' : null;
}

const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
