import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Dialect } from '../dialect.ts';

// As in 0001: every statement may be repeated.

/** Who users are to an identity provider, and which of its answers were used (docs/decisions/0012-oidc.md). */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const tail = sql.raw(dialect === 'mariadb' ? ' ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin' : '');
  // Issuer and subject together may be longer than a key of MariaDB: unique is their digest.
  await sql`CREATE TABLE IF NOT EXISTS oidc_identities (
    digest char(64) PRIMARY KEY,
    issuer varchar(512) NOT NULL,
    subject varchar(255) NOT NULL,
    user_id char(36) NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT oidc_identities_user UNIQUE (user_id)
  )${tail}`.execute(db);

  await sql`CREATE TABLE IF NOT EXISTS oidc_used_states (
    digest char(64) PRIMARY KEY,
    expires_at bigint NOT NULL
  )${tail}`.execute(db);
  await sql`CREATE INDEX IF NOT EXISTS oidc_used_states_expires ON oidc_used_states (expires_at)`.execute(db);
}
