import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Database } from '#core/store/dialect.ts';
import { createSeal } from '#core/store/seal.ts';
import { readSnapshot } from '#core/store/snapshot.ts';
import { urlOf } from '../support/processes.ts';

/** What test/support seals with. */
export const KEY = Buffer.alloc(32, 7);
export const OTHER_KEY = createHash('sha256').update('another key that is only used in tests').digest();
export const JWT_SECRET = 'a secret that is only used in tests, 32+';

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The settings of a process on this database; nothing of the test's own environment. */
export function settings(database: Database, more: Record<string, string> = {}): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL: urlOf(database),
    BERTH_SECRET_KEY: KEY.toString('base64'),
    JWT_SECRET,
    ...more,
  };
}

/** Starts berth-admin as its users do. */
export function startAdmin(args: readonly string[], env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, ['src/admin/main.ts', ...args], { stdio: 'pipe', env });
}

/** Runs berth-admin to its end; `input` goes to its standard input. */
export async function admin(
  args: readonly string[],
  env: Record<string, string>,
  input: string | Buffer = '',
): Promise<Outcome> {
  return await outcome(startAdmin(args, env), input);
}

export async function outcome(child: ChildProcess, input: string | Buffer = ''): Promise<Outcome> {
  let out = '';
  let err = '';
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    err += chunk;
  });
  // It may end without having read it.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  const [code] = await once(child, 'close');
  return { code, out, err };
}

export type Row = Record<string, unknown>;

/** All rows of all tables, by their first column. */
export async function allRows(database: Database): Promise<Record<string, Row[]>> {
  return await readSnapshot(database, async (snapshot) => {
    const tables: Record<string, Row[]> = {};
    for (const table of snapshot.tables) {
      const rows: Row[] = [];
      for await (const values of snapshot.rows(table)) {
        rows.push(Object.fromEntries(table.columns.map((column, i) => [column, values[i]])));
      }
      tables[table.name] = rows.sort((a, b) => String(a['id']).localeCompare(String(b['id'])));
    }
    return tables;
  });
}

/** What the credentials are, by machine, for whoever has only this key. */
export function credentialsWith(key: Buffer, machines: readonly Row[]): Record<string, unknown> {
  const seal = createSeal(key);
  return Object.fromEntries(
    machines.map(({ id, name, credential }) => [name, JSON.parse(seal.open(String(credential), String(id)))]),
  );
}
