import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Dialect } from '../dialect.ts';

// As in 0001: every statement may be repeated.

export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const tail = sql.raw(dialect === 'mariadb' ? ' ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin' : '');

  await sql`CREATE TABLE IF NOT EXISTS sign_in_tries (
    id char(64) PRIMARY KEY,
    failed integer NOT NULL,
    paused_until bigint NOT NULL,
    forget_at bigint NOT NULL
  )${tail}`.execute(db);
  await sql`CREATE INDEX IF NOT EXISTS sign_in_tries_order ON sign_in_tries (failed, forget_at)`.execute(db);

  await sql`CREATE TABLE IF NOT EXISTS sign_in_places (
    user_id char(36) NOT NULL,
    network varchar(64) NOT NULL,
    last_at bigint NOT NULL,
    PRIMARY KEY (user_id, network)
  )${tail}`.execute(db);

  await sql`CREATE TABLE IF NOT EXISTS weak_passwords (
    user_id char(36) PRIMARY KEY
  )${tail}`.execute(db);
}
