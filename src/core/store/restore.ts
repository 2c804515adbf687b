import { type Kysely, sql } from 'kysely';
import { Refusal } from '#core/domain/refusal.ts';
import { ensureAuditGuards, liftAuditGuards } from './audit-guards.ts';
import type { Database } from './dialect.ts';
import { withNewDatabase } from './handle.ts';
import type { Schema } from './schema.ts';
import { PASSING_TABLES, type TableShape, tablesOf } from './snapshot.ts';
import { migrations } from './store.ts';

/** What is to be in the database afterwards. */
export interface Content {
  /** Name of the migration that the tables look like. */
  readonly schema: string;
  readonly tables: readonly TableShape[];
  /** All rows, those of one table together. May throw until the last one is read: nothing is taken over then. */
  rows(): AsyncIterable<{ readonly table: TableShape; readonly values: readonly unknown[] }>;
}

export interface RestoreOptions {
  /** Whether users and machines that are there are given up. */
  readonly replace: boolean;
  /** For the audit log. */
  readonly now: Date;
  readonly madeAt: Date;
}

/** Rows per statement. */
const BATCH = 200;
/** Length of the texts in a batch: well under what MariaDB takes in one packet. */
const BATCH_LENGTH = 1_000_000;
/**
 * How far generations are moved on. Machines remember the highest generation that has ended on them and refuse accounts of
 * older ones; those that came after the backup was made are unknown here and must not be given out again.
 */
const GENERATIONS = 1_000_000;

/**
 * Puts the content in the place of all that is in the database, in one transaction. A database whose tables are newer than
 * the content is emptied and built anew first, then brought up to date.
 * @throws Refusal `conflict` when it has users or machines and `replace` is false; `invalid_request` for content of a newer Berth.
 */
export async function restoreContent(database: Database, content: Content, options: RestoreOptions): Promise<void> {
  await withNewDatabase(database, async (db) => {
    await prepareTables(db, database, content.schema, options);
    await db.connection().execute(async (connection) => {
      const sqlite = database.dialect === 'sqlite';
      // Rows may come before those that they refer to; what was taken from one moment is whole in the end.
      if (!sqlite) await sql`SET foreign_key_checks = 0`.execute(connection);
      await connection.transaction().execute(async (trx) => {
        if (sqlite) await sql`PRAGMA defer_foreign_keys = ON`.execute(trx);
        if (!options.replace) await refuseUnlessEmpty(trx);
        const tables = await tablesOf(trx);
        checkShapes(tables, content.tables);
        await liftAuditGuards(trx, database.dialect);
        for (const { name } of tables) await trx.deleteFrom(name as keyof Schema).execute();
        await insertAll(trx, content);
        await trx
          .insertInto('audit')
          .values({
            at: options.now.getTime(),
            actor: 'setup',
            action: 'database.restored',
            subject: 'database',
            details: JSON.stringify({ backupMadeAt: options.madeAt.toISOString() }),
          })
          .execute();
      });
    });
    const { error } = await migrations(db, database.dialect).migrateToLatest();
    if (error) throw error;
    await ensureAuditGuards(db, database.dialect);
  });
}

/** Throws what `restoreContent` would throw before it changes anything. */
export async function checkRestorable(database: Database, content: Content, replace: boolean): Promise<void> {
  await withNewDatabase(database, async (db) => {
    refuseNewer(await migrations(db, database.dialect).getMigrations(), content.schema);
    if (!replace) await refuseUnlessEmpty(db);
  });
}

async function prepareTables(
  db: Kysely<Schema>,
  database: Database,
  schema: string,
  { replace }: RestoreOptions,
): Promise<void> {
  const known = await migrations(db, database.dialect).getMigrations();
  refuseNewer(known, schema);
  if (!replace) await refuseUnlessEmpty(db);
  const last = known.filter(({ executedAt }) => executedAt).at(-1)?.name;
  if (last !== undefined && last > schema) await dropTables(db, database);
  const { error } = await migrations(db, database.dialect).migrateTo(schema);
  if (error) throw error;
}

function refuseNewer(known: readonly { name: string }[], schema: string): void {
  if (known.some(({ name }) => name === schema)) return;
  throw new Refusal(
    'invalid_request',
    `the backup was made by another version of Berth (its tables are "${schema}"); restore it with that version or a later one`,
  );
}

async function refuseUnlessEmpty(db: Kysely<Schema>): Promise<void> {
  const there = new Set((await tablesOf(db)).map(({ name }) => name));
  const found: string[] = [];
  for (const name of ['users', 'machines'] as const) {
    if (!there.has(name)) continue;
    const { n } = await db.selectFrom(name).select(db.fn.countAll().as('n')).executeTakeFirstOrThrow();
    if (Number(n) > 0) found.push(`${n} ${name}`);
  }
  if (found.length > 0) {
    throw new Refusal(
      'conflict',
      `the database is not empty (${found.join(', ')}); restore into a new one, or give up what is in it with --replace`,
    );
  }
}

async function dropTables(db: Kysely<Schema>, { dialect }: Database): Promise<void> {
  await db.connection().execute(async (connection) => {
    await sql
      .raw(dialect === 'sqlite' ? 'PRAGMA foreign_keys = OFF' : 'SET foreign_key_checks = 0')
      .execute(connection);
    const tables = await connection.introspection.getTables({ withInternalKyselyTables: true });
    for (const { name } of tables) await connection.schema.dropTable(name).ifExists().execute();
    await sql.raw(dialect === 'sqlite' ? 'PRAGMA foreign_keys = ON' : 'SET foreign_key_checks = 1').execute(connection);
  });
}

function checkShapes(there: readonly TableShape[], wanted: readonly TableShape[]): void {
  for (const { name, columns } of wanted) {
    const table = there.find((one) => one.name === name);
    const unknown = table ? columns.find((column) => !table.columns.includes(column)) : '';
    if (unknown === undefined) continue;
    throw new Refusal(
      'invalid_request',
      `the backup has a table or column that Berth does not know: ${name} ${unknown}`,
    );
  }
}

async function insertAll(db: Kysely<Schema>, content: Content): Promise<void> {
  let table = '';
  let batch: Record<string, unknown>[] = [];
  let length = 0;
  const flush = async (): Promise<void> => {
    if (batch.length > 0)
      await db
        .insertInto(table as 'users')
        .values(batch as never)
        .execute();
    batch = [];
    length = 0;
  };
  for await (const { table: shape, values } of content.rows()) {
    if (PASSING_TABLES.includes(shape.name)) continue;
    if (shape.name !== table || batch.length === BATCH || length > BATCH_LENGTH) await flush();
    table = shape.name;
    const row = Object.fromEntries(shape.columns.map((column, i) => [column, values[i]]));
    batch.push(takenOver(table, row));
    for (const value of values) if (typeof value === 'string') length += value.length;
  }
  await flush();
}

/** The row as it is to be in the restored database: who was at work on it then is not any more. */
function takenOver(table: string, row: Record<string, unknown>): Record<string, unknown> {
  if ('lease_owner' in row) row['lease_owner'] = null;
  if ('lease_until' in row) row['lease_until'] = 0;
  if (table === 'machines') row['generation'] = Number(row['generation']) + GENERATIONS;
  return row;
}
