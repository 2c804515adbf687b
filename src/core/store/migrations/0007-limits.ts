import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Dialect } from '../dialect.ts';

// As in 0001: every statement may be repeated.

/** Each role has its row from the start; a user has one once there is something of the user's own. */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const mariadb = dialect === 'mariadb';
  const tail = sql.raw(mariadb ? ' ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin' : '');

  await sql`CREATE TABLE IF NOT EXISTS limits (
    kind varchar(8) NOT NULL CHECK (kind IN ('role', 'user')),
    subject varchar(36) NOT NULL,
    machines integer,
    reservations integer,
    minutes integer,
    machine_minutes_ahead integer,
    PRIMARY KEY (kind, subject)
  )${tail}`.execute(db);

  const ignore = sql.raw(mariadb ? 'IGNORE' : 'OR IGNORE');
  await sql`INSERT ${ignore} INTO limits (kind, subject) VALUES ('role', 'admin'), ('role', 'user')`.execute(db);
}
