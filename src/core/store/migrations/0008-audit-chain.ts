import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Dialect } from '../dialect.ts';

// As in 0001: every statement may be repeated.

/** Where changes come from, and the chain that shows whether the audit log is whole (docs/decisions/0009-audit-chain.md). */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const mariadb = dialect === 'mariadb';
  const tail = sql.raw(mariadb ? ' ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin' : '');
  const number = sql.raw(mariadb ? 'bigint' : 'integer');

  const there = (await db.introspection.getTables()).find(({ name }) => name === 'audit')?.columns ?? [];
  for (const [column, type] of [
    ['address', 'varchar(64)'],
    ['session_id', 'char(36)'],
    ['api_token', 'varchar(128)'],
  ] as const) {
    if (!there.some(({ name }) => name === column)) {
      await sql.raw(`ALTER TABLE audit ADD COLUMN ${column} ${type}`).execute(db);
    }
    await sql.raw(`CREATE INDEX IF NOT EXISTS audit_${column} ON audit (${column}, id)`).execute(db);
  }

  await sql`CREATE TABLE IF NOT EXISTS audit_chain (
    seq ${number} PRIMARY KEY,
    audit_id bigint NOT NULL,
    sealed_at bigint NOT NULL,
    hash char(64) NOT NULL,
    CONSTRAINT audit_chain_audit_id UNIQUE (audit_id)
  )${tail}`.execute(db);

  await sql`CREATE TABLE IF NOT EXISTS audit_seal (
    id ${number} PRIMARY KEY CHECK (id = 1),
    audit_key text NOT NULL,
    head_seq bigint NOT NULL,
    head_hash char(64) NOT NULL,
    head_audit_id bigint NOT NULL,
    head_mac char(64) NOT NULL,
    anchor_seq bigint NOT NULL,
    anchor_hash char(64) NOT NULL,
    anchor_mac char(64) NOT NULL,
    version bigint NOT NULL
  )${tail}`.execute(db);
}
