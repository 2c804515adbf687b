import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Dialect } from '../dialect.ts';

// MariaDB commits after every DDL statement, so a crash can leave a migration half done:
// each statement may be repeated, and indexes are part of their table's statement.

export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const mariadb = dialect === 'mariadb';
  const tail = sql.raw(mariadb ? ' ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin' : '');
  const counter = sql.raw(mariadb ? 'bigint AUTO_INCREMENT PRIMARY KEY' : 'integer PRIMARY KEY AUTOINCREMENT');
  const longText = sql.raw(mariadb ? 'mediumtext' : 'text');
  const index = async (name: string, on: string): Promise<void> => {
    await sql.raw(`CREATE INDEX IF NOT EXISTS ${name} ON ${on}`).execute(db);
  };

  await sql`CREATE TABLE IF NOT EXISTS users (
    id char(36) PRIMARY KEY,
    username varchar(64) NOT NULL,
    password_hash varchar(255) NOT NULL,
    role varchar(16) NOT NULL CHECK (role IN ('admin', 'user')),
    disabled tinyint NOT NULL,
    token_version integer NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT users_username UNIQUE (username)
  )${tail}`.execute(db);

  await sql`CREATE TABLE IF NOT EXISTS machines (
    id char(36) PRIMARY KEY,
    name varchar(64) NOT NULL,
    host varchar(253) NOT NULL,
    port integer NOT NULL,
    login_user varchar(64) NOT NULL,
    credential ${longText} NOT NULL,
    labels text NOT NULL,
    state varchar(16) NOT NULL CHECK (state IN ('checking', 'ready', 'unreachable', 'quarantined', 'disabled')),
    reason text,
    mend text,
    host_key text,
    offered_host_key text,
    operating_system varchar(255),
    failures integer NOT NULL,
    generation bigint NOT NULL,
    probed_at bigint,
    next_probe_at bigint NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT machines_name UNIQUE (name),
    CONSTRAINT machines_address UNIQUE (host, port)
  )${tail}`.execute(db);
  await index('machines_next_probe', 'machines (next_probe_at)');

  await sql`CREATE TABLE IF NOT EXISTS reservations (
    id char(36) PRIMARY KEY,
    user_id char(36) NOT NULL,
    holder varchar(64) NOT NULL,
    account_name varchar(32) NOT NULL,
    state varchar(16) NOT NULL CHECK (state IN ('preparing', 'active', 'ending', 'ended', 'failed')),
    machine_count integer NOT NULL,
    password_hash varchar(255),
    authorized_keys ${longText} NOT NULL,
    wanted ${longText} NOT NULL,
    idempotency_key varchar(255),
    request_digest char(64) NOT NULL,
    lease_owner char(36),
    lease_until bigint NOT NULL,
    starts_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    ended_at bigint,
    end_reason varchar(32),
    CONSTRAINT reservations_idempotency UNIQUE (user_id, idempotency_key)
  )${tail}`.execute(db);
  await index('reservations_due', 'reservations (state, ends_at)');
  await index('reservations_stalled', 'reservations (state, lease_until)');

  await sql`CREATE TABLE IF NOT EXISTS allocations (
    id char(36) PRIMARY KEY,
    reservation_id char(36) NOT NULL REFERENCES reservations (id),
    machine_id char(36) NOT NULL,
    machine_name varchar(64) NOT NULL,
    generation bigint NOT NULL,
    state varchar(16) NOT NULL CHECK (state IN ('preparing', 'active', 'cleaning', 'cleaned')),
    open tinyint,
    lease_owner char(36),
    lease_until bigint NOT NULL,
    attempts integer NOT NULL,
    next_try_at bigint NOT NULL,
    problem text,
    uid bigint,
    created_at bigint NOT NULL,
    prepared_at bigint,
    cleaning_since bigint,
    cleaned_at bigint,
    removal text,
    CONSTRAINT allocations_one_open UNIQUE (machine_id, open),
    CONSTRAINT allocations_open_until_cleaned CHECK ((state = 'cleaned' AND open IS NULL) OR (state <> 'cleaned' AND open IS NOT NULL AND open = 1))
  )${tail}`.execute(db);
  await index('allocations_reservation', 'allocations (reservation_id)');
  await index('allocations_open', 'allocations (open, state)');
  await index('allocations_cleaning', 'allocations (state, next_try_at)');

  await sql`CREATE TABLE IF NOT EXISTS audit (
    id ${counter},
    at bigint NOT NULL,
    actor varchar(64) NOT NULL,
    action varchar(64) NOT NULL,
    subject varchar(253) NOT NULL,
    details ${longText} NOT NULL
  )${tail}`.execute(db);
  await index('audit_at', 'audit (at)');
  await index('audit_actor', 'audit (actor, id)');
  await index('audit_action', 'audit (action, id)');
  await index('audit_subject', 'audit (subject, id)');

  await sql`CREATE TABLE IF NOT EXISTS heartbeats (
    name varchar(64) PRIMARY KEY,
    at bigint NOT NULL
  )${tail}`.execute(db);
}
