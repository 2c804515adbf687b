import { existsSync } from 'node:fs';
import { Kysely } from 'kysely';
import { Refusal } from '#core/domain/refusal.ts';
import { type Database, kyselyDialect } from './dialect.ts';
import type { Schema } from './schema.ts';

/**
 * Opens the database as it is, without bringing its tables up to date, for work on the database as a whole.
 * @throws Refusal `unavailable`, also when the file of a SQLite database is not there; nothing is made then.
 */
export async function withDatabase<T>(database: Database, work: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
  if (database.dialect === 'sqlite' && !existsSync(database.file)) {
    throw new Refusal('unavailable', `there is no database at ${database.file} yet`);
  }
  return await withNewDatabase(database, work);
}

/** The same; the file of a SQLite database is made if it is not there. */
export async function withNewDatabase<T>(database: Database, work: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
  const db = new Kysely<Schema>({ dialect: kyselyDialect(database) });
  try {
    return await work(db);
  } finally {
    await db.destroy();
  }
}
