import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Dialect } from '../dialect.ts';

// As in 0001: every statement may be repeated.

export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const tail = sql.raw(dialect === 'mariadb' ? ' ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin' : '');

  await sql`CREATE TABLE IF NOT EXISTS second_factors (
    user_id char(36) PRIMARY KEY,
    secret text NOT NULL,
    is_on integer NOT NULL,
    last_step bigint NOT NULL,
    created_at bigint NOT NULL
  )${tail}`.execute(db);

  await sql`CREATE TABLE IF NOT EXISTS recovery_codes (
    user_id char(36) NOT NULL,
    hash char(64) NOT NULL,
    PRIMARY KEY (user_id, hash)
  )${tail}`.execute(db);
}
