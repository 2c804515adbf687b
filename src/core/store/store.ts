import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, Migrator } from 'kysely';
import { Refusal } from '#core/domain/refusal.ts';
import { type Allocations, allocationsTable } from './allocations.ts';
import { type ApiTokens, apiTokensTable } from './api-tokens.ts';
import { type Audit, auditTable } from './audit.ts';
import { type AuditChain, auditChainTable } from './audit-chain.ts';
import { ensureAuditGuards } from './audit-guards.ts';
import { type Credentials, credentialsTable } from './credentials.ts';
import { type Database, kyselyDialect } from './dialect.ts';
import { DuplicateKey, WriteConflict } from './failures.ts';
import { type Heartbeats, heartbeatsTable } from './heartbeats.ts';
import { type Limits, limitsTable } from './limits.ts';
import { type Machines, machinesTable } from './machines.ts';
import * as firstTables from './migrations/0001-first-tables.ts';
import * as rowVersions from './migrations/0002-row-versions.ts';
import * as sessionsKeysTickets from './migrations/0003-sessions-keys-tickets.ts';
import * as guessingPasswords from './migrations/0004-guessing-passwords.ts';
import * as apiTokens from './migrations/0006-api-tokens.ts';
import * as limits from './migrations/0007-limits.ts';
import * as auditChain from './migrations/0008-audit-chain.ts';
import * as looksAtMachines from './migrations/0009-looks-at-machines.ts';
import * as secondFactor from './migrations/0010-second-factor.ts';
import * as oidc from './migrations/0011-oidc.ts';
import { type Oidc, oidcTables } from './oidc.ts';
import { type Reservations, reservationsTable } from './reservations.ts';
import type { Schema } from './schema.ts';
import { createSeal } from './seal.ts';
import { type SecondFactors, secondFactorsTable } from './second-factors.ts';
import { type Sessions, sessionsTable } from './sessions.ts';
import { type SignInPlaces, signInPlacesTable } from './sign-in-places.ts';
import { type SignInTries, signInTriesTable } from './sign-in-tries.ts';
import { type SshKeys, sshKeysTable } from './ssh-keys.ts';
import { type TerminalTickets, terminalTicketsTable } from './terminal-tickets.ts';
import { type Users, usersTable } from './users.ts';
import { type WeakPasswords, weakPasswordsTable } from './weak-passwords.ts';

export interface Tables {
  readonly users: Users;
  readonly machines: Machines;
  readonly credentials: Credentials;
  readonly reservations: Reservations;
  readonly allocations: Allocations;
  readonly audit: Audit;
  readonly apiTokens: ApiTokens;
  readonly auditChain: AuditChain;
  readonly heartbeats: Heartbeats;
  readonly sessions: Sessions;
  readonly oidc: Oidc;
  readonly sshKeys: SshKeys;
  readonly terminalTickets: TerminalTickets;
  readonly signInTries: SignInTries;
  readonly signInPlaces: SignInPlaces;
  readonly weakPasswords: WeakPasswords;
  readonly limits: Limits;
  readonly secondFactors: SecondFactors;
}

export interface Store {
  /** For reads and single writes outside a transaction. Never to be used inside one. */
  readonly tables: Tables;
  /**
   * Runs `work` in one transaction and commits what it did, or nothing if it throws. When another transaction is in the way
   * `work` runs again from the start, so it must do nothing but use its tables.
   */
  transaction<T>(work: (tables: Tables) => Promise<T>): Promise<T>;
  /** One round trip. @throws Refusal `unavailable`. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface StoreOptions {
  readonly database: Database;
  /** 32 bytes that seal the machines' credentials. */
  readonly secretKey: Buffer;
  /** Keys that open what was sealed before `secretKey` took their place. */
  readonly oldSecretKeys?: readonly Buffer[];
  /** How often to try again when the database cannot be reached at the start, and the pause between tries. */
  readonly connectRetries: number;
  readonly connectRetrySeconds: number;
  readonly onWaiting?: (attempt: number, problem: string) => void;
}

const TRANSACTION_TRIES = 30;

/** Opens the database, waits for it if need be, and brings its tables up to date. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { database } = options;
  const db = new Kysely<Schema>({ dialect: kyselyDialect(database) });
  const seal = createSeal(options.secretKey, options.oldSecretKeys);
  const bind = (handle: Kysely<Schema>): Tables => ({
    users: usersTable(handle, database.dialect),
    machines: machinesTable(handle, seal),
    credentials: credentialsTable(handle, seal),
    reservations: reservationsTable(handle),
    allocations: allocationsTable(handle),
    audit: auditTable(handle),
    apiTokens: apiTokensTable(handle),
    auditChain: auditChainTable(handle, seal),
    heartbeats: heartbeatsTable(handle),
    sessions: sessionsTable(handle),
    oidc: oidcTables(handle),
    sshKeys: sshKeysTable(handle),
    terminalTickets: terminalTicketsTable(handle),
    signInTries: signInTriesTable(handle, database.dialect),
    signInPlaces: signInPlacesTable(handle),
    weakPasswords: weakPasswordsTable(handle),
    limits: limitsTable(handle, database.dialect),
    secondFactors: secondFactorsTable(handle, seal),
  });

  await whenReachable(() => migrate(db, database.dialect), options).catch(async (error: unknown) => {
    await db.destroy().catch(() => undefined);
    throw error;
  });

  return {
    tables: bind(db),
    async transaction(work) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await db.transaction().execute((trx) => work(bind(trx)));
        } catch (error) {
          if (!(error instanceof WriteConflict)) throw error;
          if (attempt === TRANSACTION_TRIES) {
            throw new Refusal('unavailable', 'the database is too busy at the moment; try again in a few seconds');
          }
          await sleep(Math.random() * Math.min(200, 2 ** attempt));
        }
      }
    },
    async ping() {
      await db.selectFrom('heartbeats').select('name').limit(1).execute();
    },
    close: () => db.destroy(),
  };
}

/** Wrong user, password or database: waiting mends none of them. (MariaDB's error codes 1044, 1045, 1049, 1698.) */
const REFUSED_BY_MARIADB: ReadonlySet<number> = new Set([1044, 1045, 1049, 1698]);

async function whenReachable(work: () => Promise<void>, options: StoreOptions): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const passing =
        (error instanceof Refusal && error.code === 'unavailable') ||
        // Two processes that start on an empty database make the migration's own tables at the same moment.
        error instanceof DuplicateKey ||
        error instanceof WriteConflict;
      if (!passing) {
        const { errno, message } = error as { errno?: number; message?: string };
        if (!REFUSED_BY_MARIADB.has(errno ?? 0)) throw error;
        throw new Error(`DATABASE_URL: the database ${placeOf(options.database)} refuses: ${message}`, {
          cause: error,
        });
      }
      if (attempt > options.connectRetries) {
        throw new Error(
          `DATABASE_URL: the database ${placeOf(options.database)} cannot be reached (tried ${attempt} times)`,
          {
            cause: error,
          },
        );
      }
      options.onWaiting?.(attempt, (error as Error).message);
      await sleep(options.connectRetrySeconds * 1000);
    }
  }
}

function placeOf(database: Database): string {
  return database.dialect === 'sqlite' ? `in ${database.file}` : `at ${database.host}:${database.port}`;
}

async function migrate(db: Kysely<Schema>, dialect: Database['dialect']): Promise<void> {
  const { error } = await migrations(db, dialect).migrateToLatest();
  if (error) throw error;
  await ensureAuditGuards(db, dialect);
}

/** The steps that bring the tables up to date. */
export function migrations(db: Kysely<Schema>, dialect: Database['dialect']): Migrator {
  return new Migrator({
    db,
    provider: {
      getMigrations: async () => ({
        '0001-first-tables': { up: (handle) => firstTables.up(handle, dialect) },
        '0002-row-versions': { up: rowVersions.up },
        '0003-sessions-keys-tickets': { up: (handle) => sessionsKeysTickets.up(handle, dialect) },
        '0004-guessing-passwords': { up: (handle) => guessingPasswords.up(handle, dialect) },
        '0006-api-tokens': { up: (handle) => apiTokens.up(handle, dialect) },
        '0007-limits': { up: (handle) => limits.up(handle, dialect) },
        '0008-audit-chain': { up: (handle) => auditChain.up(handle, dialect) },
        '0009-looks-at-machines': { up: looksAtMachines.up },
        '0010-second-factor': { up: (handle) => secondFactor.up(handle, dialect) },
        '0011-oidc': { up: (handle) => oidc.up(handle, dialect) },
      }),
    },
  });
}
