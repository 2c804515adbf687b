import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Dialect } from '../dialect.ts';

// As in 0001: every statement may be repeated.

export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const tail = sql.raw(dialect === 'mariadb' ? ' ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin' : '');
  await sql`CREATE TABLE IF NOT EXISTS api_tokens (
    id char(36) PRIMARY KEY,
    user_id char(36) NOT NULL,
    name varchar(64) NOT NULL,
    hash char(64) NOT NULL,
    scopes varchar(64) NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    last_used_at bigint,
    CONSTRAINT api_tokens_hash UNIQUE (hash),
    CONSTRAINT api_tokens_name UNIQUE (user_id, name)
  )${tail}`.execute(db);

  // A crash may have left the column there; SQLite knows no ADD COLUMN IF NOT EXISTS.
  const users = (await db.introspection.getTables()).find(({ name }) => name === 'users')?.columns;
  if (!users?.some(({ name }) => name === 'service')) {
    await sql`ALTER TABLE users ADD COLUMN service integer NOT NULL DEFAULT 0`.execute(db);
  }
}
