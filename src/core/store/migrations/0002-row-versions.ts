import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/**
 * A counter for transactions that only have to meet. Raising it is a change that Galera compares between its nodes; a lock,
 * or an update that changes nothing, it does not.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ['users', 'reservations']) {
    // A crash may have left the column there; SQLite knows no ADD COLUMN IF NOT EXISTS.
    const there = (await db.introspection.getTables()).find(({ name }) => name === table)?.columns;
    if (there?.some(({ name }) => name === 'version')) continue;
    await sql`ALTER TABLE ${sql.table(table)} ADD COLUMN version bigint NOT NULL DEFAULT 0`.execute(db);
  }
}
