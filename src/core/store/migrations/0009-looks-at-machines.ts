import type { Kysely } from 'kysely';
import { sql } from 'kysely';

// As in 0001: every statement may be repeated.

/** When each machine was compared with what Berth knows, when that is due again, and what was found. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const there = (await db.introspection.getTables()).find(({ name }) => name === 'machines')?.columns ?? [];
  for (const [column, type] of [
    ['verified_at', 'bigint'],
    ['next_verify_at', 'bigint NOT NULL DEFAULT 0'],
    ['findings', 'text'],
  ] as const) {
    if (there.some(({ name }) => name === column)) continue;
    await sql.raw(`ALTER TABLE machines ADD COLUMN ${column} ${type}`).execute(db);
  }
  await sql`CREATE INDEX IF NOT EXISTS machines_next_verify ON machines (next_verify_at)`.execute(db);
}
