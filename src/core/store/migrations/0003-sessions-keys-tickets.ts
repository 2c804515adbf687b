import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Dialect } from '../dialect.ts';

// As in 0001: every statement may be repeated.

export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const mariadb = dialect === 'mariadb';
  const tail = sql.raw(mariadb ? ' ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin' : '');
  const index = async (name: string, on: string): Promise<void> => {
    await sql.raw(`CREATE INDEX IF NOT EXISTS ${name} ON ${on}`).execute(db);
  };

  await sql`CREATE TABLE IF NOT EXISTS sessions (
    id char(36) PRIMARY KEY,
    user_id char(36) NOT NULL,
    token_version integer NOT NULL,
    token_hash char(64) NOT NULL,
    previous_hash char(64),
    rotated_at bigint NOT NULL,
    created_at bigint NOT NULL,
    last_used_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    address varchar(64) NOT NULL,
    user_agent varchar(255) NOT NULL
  )${tail}`.execute(db);
  await index('sessions_user', 'sessions (user_id, last_used_at)');
  await index('sessions_expiry', 'sessions (expires_at)');

  await sql`CREATE TABLE IF NOT EXISTS ssh_keys (
    id char(36) PRIMARY KEY,
    user_id char(36) NOT NULL,
    name varchar(64) NOT NULL,
    public_key text NOT NULL,
    fingerprint varchar(64) NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT ssh_keys_name UNIQUE (user_id, name),
    CONSTRAINT ssh_keys_fingerprint UNIQUE (user_id, fingerprint)
  )${tail}`.execute(db);

  await sql`CREATE TABLE IF NOT EXISTS terminal_tickets (
    hash char(64) PRIMARY KEY,
    user_id char(36) NOT NULL,
    session_id char(36),
    token_version integer NOT NULL,
    allocation_id char(36) NOT NULL,
    expires_at bigint NOT NULL
  )${tail}`.execute(db);
  await index('terminal_tickets_user', 'terminal_tickets (user_id)');
  await index('terminal_tickets_expiry', 'terminal_tickets (expires_at)');

  // Lists of what is over, and of what happened to one machine, page by page.
  await index('reservations_ended', 'reservations (ended_at, id)');
  await index('reservations_ended_of_user', 'reservations (user_id, ended_at, id)');
  await index('allocations_span', 'allocations (cleaned_at, created_at)');
  await index('allocations_of_machine', 'allocations (machine_name, created_at, id)');
  await index('audit_subject_at', 'audit (subject, at, id)');
}
