import { type Kysely, sql } from 'kysely';
import { missingAuditGuards } from './audit-guards.ts';
import type { Database } from './dialect.ts';
import { withDatabase } from './handle.ts';
import type { Schema } from './schema.ts';
import { tablesOf } from './snapshot.ts';
import { migrations } from './store.ts';

/** What the database is like, without anything of it being changed. */
export interface DatabaseFacts {
  /** As the database tells it, e.g. `10.11.6-MariaDB-0+deb12u1`. */
  readonly version: string;
  /** Migrations that have not run, and those that a newer Berth has run. */
  readonly pendingMigrations: readonly string[];
  readonly unknownMigrations: readonly string[];
  /** The database's clock minus ours, in milliseconds; 0 where it is the same. */
  readonly clockAheadMs: number;
  /** What is not as Berth needs it, each with what to do; MariaDB only. */
  readonly oddities: readonly { readonly what: string; readonly mend: string }[];
  /** Triggers that should keep the audit log from being changed and are not there. */
  readonly missingGuards: readonly string[];
}

/** @throws Refusal `unavailable`; errors of the database's driver as they are, e.g. for a wrong password. */
export async function inspectDatabase(database: Database): Promise<DatabaseFacts> {
  return await withDatabase(database, async (db) => {
    const mariadb = database.dialect === 'mariadb';
    const version = mariadb
      ? await one<string>(db, 'SELECT version() AS value')
      : await one<string>(db, 'SELECT sqlite_version() AS value');
    const known = await migrations(db, database.dialect).getMigrations();
    return {
      version,
      pendingMigrations: known.filter(({ executedAt }) => !executedAt).map(({ name }) => name),
      unknownMigrations: await migrationsBeyond(db, new Set(known.map(({ name }) => name))),
      clockAheadMs: mariadb ? await clockAhead(db) : 0,
      oddities: mariadb ? await oddities(db, database.database) : [],
      missingGuards: await missingAuditGuards(db, database.dialect),
    };
  });
}

/** When a scheduler was last at work; undefined also where there are no tables yet. */
export async function lastBeat(database: Database): Promise<Date | undefined> {
  return await withDatabase(database, async (db) => {
    if (!(await tablesOf(db)).some(({ name }) => name === 'heartbeats')) return undefined;
    const row = await db.selectFrom('heartbeats').select('at').where('name', '=', 'scheduler').executeTakeFirst();
    return row && new Date(row.at);
  });
}

async function one<T>(db: Kysely<Schema>, statement: string): Promise<T> {
  const { rows } = await sql.raw<{ value: T }>(statement).execute(db);
  return rows[0]?.value as T;
}

async function migrationsBeyond(db: Kysely<Schema>, known: ReadonlySet<string>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === 'kysely_migration')) return [];
  const { rows } = await sql<{ name: string }>`SELECT name FROM kysely_migration ORDER BY name`.execute(db);
  return rows.map(({ name }) => name).filter((name) => !known.has(name));
}

/** Compared with the middle of the question's way there and back. */
async function clockAhead(db: Kysely<Schema>): Promise<number> {
  const asked = Date.now();
  const theirs = Number(await one<string>(db, 'SELECT unix_timestamp(now(3)) * 1000 AS value'));
  return Math.round(theirs - (asked + Date.now()) / 2);
}

async function oddities(db: Kysely<Schema>, database: string): Promise<{ what: string; mend: string }[]> {
  const found: { what: string; mend: string }[] = [];
  const isolation = await one<string>(db, 'SELECT @@tx_isolation AS value');
  if (isolation !== 'READ-COMMITTED') {
    found.push({
      what: `transactions are isolated as ${isolation} instead of READ-COMMITTED`,
      mend: 'Let nothing between Berth and MariaDB (a proxy, a pooler) change settings of its sessions.',
    });
  }
  const format = await one<string>(db, "SELECT if(@@log_bin, @@binlog_format, '') AS value");
  if (format === 'STATEMENT') {
    found.push({
      what: 'the binary log has format STATEMENT, which refuses writes that are isolated as READ-COMMITTED',
      mend: 'Set binlog_format=ROW (or MIXED) in the settings of MariaDB.',
    });
  }
  const charset = await one<string>(db, 'SELECT @@character_set_database AS value');
  if (charset !== 'utf8mb4') {
    found.push({
      what: `new tables have the character set ${charset}`,
      mend: `Run: ALTER DATABASE ${database} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
    });
  }
  const { rows } = await sql<{ name: string }>`
    SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = database() AND table_name NOT LIKE 'kysely%'
      AND (table_collation <> 'utf8mb4_bin' OR engine <> 'InnoDB') ORDER BY table_name`.execute(db);
  for (const { name } of rows) {
    found.push({
      what: `the table ${name} is not InnoDB with utf8mb4_bin`,
      mend: `Run: ALTER TABLE ${name} ENGINE=InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
    });
  }
  return found;
}
