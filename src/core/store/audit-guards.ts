import { type Kysely, sql } from 'kysely';
import type { Dialect } from './dialect.ts';
import type { Schema } from './schema.ts';

const ON = "'the audit log only grows: rows of it are neither changed nor deleted'";
/** Only what lies behind the anchor may go: retention moves the anchor first, under the audit key. */
const PRUNED = `EXISTS (SELECT 1 FROM audit_chain JOIN audit_seal ON audit_chain.seq <= audit_seal.anchor_seq
  WHERE audit_chain.audit_id = OLD.id)`;
const BEHIND_ANCHOR = 'EXISTS (SELECT 1 FROM audit_seal WHERE OLD.seq <= anchor_seq)';

/** Table, what is refused, and when it is allowed all the same. */
const GUARDS: readonly (readonly [table: string, event: 'UPDATE' | 'DELETE', unless: string | null])[] = [
  ['audit', 'UPDATE', null],
  ['audit', 'DELETE', PRUNED],
  ['audit_chain', 'UPDATE', null],
  ['audit_chain', 'DELETE', BEHIND_ANCHOR],
  ['audit_seal', 'DELETE', null],
];

/** Not allowed to make triggers: the user lacks the right, or a binary log is on that does not trust them. */
const NO_RIGHT = new Set([1044, 1142, 1227, 1370, 1419]);

const nameOf = (table: string, event: string): string => `${table}_no_${event.toLowerCase()}`;

/** Makes the triggers that are missing, as far as the database's user has the right to. */
export async function ensureAuditGuards(db: Kysely<Schema>, dialect: Dialect): Promise<void> {
  const missing = await missingAuditGuards(db, dialect);
  for (const [table, event, unless] of GUARDS) {
    const name = nameOf(table, event);
    if (!missing.includes(name)) continue;
    const start = `CREATE TRIGGER IF NOT EXISTS ${name} BEFORE ${event} ON ${table} FOR EACH ROW`;
    const text =
      dialect === 'sqlite'
        ? `${start} ${unless === null ? '' : `WHEN NOT ${unless}`} BEGIN SELECT RAISE(ABORT, ${ON}); END`
        : `${start} BEGIN IF @berth_replaces_all IS NULL ${unless === null ? '' : `AND NOT ${unless}`} THEN
             SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = ${ON}; END IF; END`;
    try {
      await sql.raw(text).execute(db);
    } catch (error) {
      if (!NO_RIGHT.has((error as { errno?: number }).errno ?? 0)) throw error;
    }
  }
}

/** Names of the triggers that are not there. */
export async function missingAuditGuards(db: Kysely<Schema>, dialect: Dialect): Promise<string[]> {
  const { rows } = await (dialect === 'sqlite'
    ? sql<{ name: string }>`SELECT name FROM sqlite_master WHERE type = 'trigger'`
    : sql<{
        name: string;
      }>`SELECT trigger_name AS name FROM information_schema.triggers WHERE trigger_schema = database()`
  ).execute(db);
  const there = new Set(rows.map(({ name }) => name));
  return GUARDS.map(([table, event]) => nameOf(table, event)).filter((name) => !there.has(name));
}

/** For a restore, which replaces all: within this transaction of SQLite, or on this connection to MariaDB. */
export async function liftAuditGuards(db: Kysely<Schema>, dialect: Dialect): Promise<void> {
  if (dialect === 'mariadb') {
    await sql`SET @berth_replaces_all = 1`.execute(db);
    return;
  }
  for (const [table, event] of GUARDS) {
    await sql.raw(`DROP TRIGGER IF EXISTS ${nameOf(table, event)}`).execute(db);
  }
}
