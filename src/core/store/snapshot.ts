import { type Kysely, sql } from 'kysely';
import { Refusal } from '#core/domain/refusal.ts';
import type { Database, Dialect } from './dialect.ts';
import { withDatabase } from './handle.ts';
import type { Schema } from './schema.ts';
import { keyIdOf } from './seal.ts';

export interface TableShape {
  readonly name: string;
  readonly columns: readonly string[];
}

/** All rows of the database as they were at one moment, whatever is written meanwhile. */
export interface Snapshot {
  /** Name of the last migration: what the tables look like. */
  readonly schema: string;
  readonly tables: readonly TableShape[];
  /** The keys that the machines' credentials and the users' second factors are sealed with. */
  readonly keyIds: readonly string[];
  /** The values of each row in the order of the columns; rows are read one after the other, never all at once. */
  rows(table: TableShape): AsyncIterable<readonly unknown[]>;
}

/**
 * Good for a short time only, or must not come back with an old backup: what was signed out or revoked stays so. Whose password
 * is weak is found out again at the next sign-in, and is nothing to tell whoever gets hold of a backup.
 */
export const PASSING_TABLES: readonly string[] = [
  'api_tokens',
  'heartbeats',
  'oidc_used_states',
  'sessions',
  'sign_in_tries',
  'terminal_tickets',
  'weak_passwords',
];

const BEGIN: Readonly<Record<Dialect, readonly string[]>> = {
  // Not `immediate`: a snapshot must not keep others from writing.
  sqlite: ['BEGIN'],
  mariadb: ['SET TRANSACTION ISOLATION LEVEL REPEATABLE READ', 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY'],
};

/** Calls `work` with a snapshot that lasts until it is done. @throws Refusal `unavailable`. */
export async function readSnapshot<T>(database: Database, work: (snapshot: Snapshot) => Promise<T>): Promise<T> {
  return await atOneMoment(database, async (db) => await work(await snapshotOf(db)));
}

/** Calls `work` with a connection that sees the database as it is now, until it is done. @throws Refusal `unavailable`. */
export async function atOneMoment<T>(database: Database, work: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
  return await withDatabase(database, (db) =>
    db.connection().execute(async (connection) => {
      for (const statement of BEGIN[database.dialect]) await sql.raw(statement).execute(connection);
      try {
        return await work(connection);
      } finally {
        // A connection that was lost has ended its transaction by itself.
        await sql
          .raw('ROLLBACK')
          .execute(connection)
          .catch(() => undefined);
      }
    }),
  );
}

async function snapshotOf(db: Kysely<Schema>): Promise<Snapshot> {
  const tables = await tablesOf(db);
  if (tables.length === 0) throw new Refusal('not_found', 'the database has no tables of Berth yet');
  const { rows: done } = await sql<{ name: string }>`SELECT name FROM kysely_migration ORDER BY name DESC`.execute(db);
  const keys = await db
    .selectFrom('machines')
    .select(sql<string>`substr(credential, 1, 12)`.as('start'))
    .distinct()
    .execute();
  // A database that no newer Berth has brought up to date can be backed up too.
  const factorKeys = tables.some(({ name }) => name === 'second_factors')
    ? await db.selectFrom('second_factors').select(sql<string>`substr(secret, 1, 12)`.as('start')).distinct().execute()
    : [];
  return {
    schema: done[0]?.name ?? '',
    tables: tables.filter(({ name }) => !PASSING_TABLES.includes(name)),
    keyIds: [...new Set([...keys, ...factorKeys].map(({ start }) => keyIdOf(start)))].sort(),
    async *rows({ name, columns }) {
      // Which of them does not matter: all values are handed on as they are.
      const from = name as keyof Schema;
      const { n } = await db.selectFrom(from).select(db.fn.countAll().as('n')).executeTakeFirstOrThrow();
      let read = 0;
      for await (const row of db.selectFrom(from).selectAll().stream()) {
        read += 1;
        yield columns.map((column) => (row as Record<string, unknown>)[column]);
      }
      // A stream whose connection is lost can end as if all had been read.
      if (read !== Number(n)) throw new Error(`${name}: only ${read} of ${n} rows could be read; try again`);
    },
  };
}

/** By name, without those of the migrations. */
export async function tablesOf(db: Kysely<Schema>): Promise<TableShape[]> {
  const tables = await db.introspection.getTables();
  return tables
    .filter((table) => !table.isView)
    .map(({ name, columns }) => ({ name, columns: columns.map((column) => column.name) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
