import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import BetterSqlite3 from 'better-sqlite3';
import type { DatabaseConnection, Driver, Kysely, Dialect as KyselyDialect, QueryResult } from 'kysely';
import { CompiledQuery, MysqlDialect, SqliteAdapter, SqliteDialect, sql } from 'kysely';
import { createPool } from 'mysql2';
import { meaningOf, WriteConflict } from './failures.ts';

export type Dialect = 'sqlite' | 'mariadb';

/** Where the data is: a file of SQLite, or a MariaDB server. */
export type Database =
  | { readonly dialect: 'sqlite'; readonly file: string }
  | {
      readonly dialect: 'mariadb';
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly password: string;
      readonly database: string;
    };

/** How many connections one process holds to MariaDB at most. */
const CONNECTIONS = 16;
/** Statement texts with a varying number of parameters make this more than the few dozen that are written here. */
const KEPT_STATEMENTS = 500;
const STATEMENT_TRIES = 10;

export function kyselyDialect(database: Database): KyselyDialect {
  if (database.dialect === 'sqlite') {
    mkdirSync(dirname(database.file), { recursive: true, mode: 0o700 });
    const dialect = new SqliteDialect({ database: async () => withKeptStatements(openSqlite(database.file)) });
    // A plain BEGIN that reads and then writes fails as soon as a second process writes in between.
    return { ...watched(dialect, 'begin immediate'), createAdapter: () => new LockingSqliteAdapter() };
  }
  const pool = createPool({
    host: database.host,
    port: database.port,
    user: database.user,
    password: database.password,
    database: database.database,
    charset: 'utf8mb4_bin',
    connectionLimit: CONNECTIONS,
    connectTimeout: 5_000,
    enableKeepAlive: true,
    supportBigNumbers: true,
    stringifyObjects: true,
  });
  // Strict, so that a value that does not fit is an error; each statement sees what was committed before it.
  pool.on('connection', (connection) => {
    connection.query(
      "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = 10",
    );
    connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
  });
  return watched(new MysqlDialect({ pool }), null);
}

function openSqlite(file: string): BetterSqlite3.Database {
  // For its owner only, also in a folder that was there before.
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
  const sqlite = new BetterSqlite3(file, { timeout: 10_000 });
  sqlite.pragma('journal_mode = WAL');
  // FULL: a commit that was acknowledged survives a power cut, not only a killed process.
  sqlite.pragma('synchronous = FULL');
  sqlite.pragma('foreign_keys = ON');
  return sqlite;
}

/** Parses each statement text once: the set of texts is small and fixed. */
function withKeptStatements(sqlite: BetterSqlite3.Database): Pick<BetterSqlite3.Database, 'prepare' | 'close'> {
  const kept = new Map<string, BetterSqlite3.Statement>();
  return {
    prepare: ((text: string) => {
      let statement = kept.get(text);
      if (!statement) {
        statement = sqlite.prepare(text);
        if (kept.size >= KEPT_STATEMENTS) kept.clear();
        kept.set(text, statement);
      }
      return statement;
    }) as BetterSqlite3.Database['prepare'],
    close: () => sqlite.close(),
  };
}

/** Keeps two processes that start on one file from running the same migration at the same time. */
class LockingSqliteAdapter extends SqliteAdapter {
  // biome-ignore lint/suspicious/noExplicitAny: the signature is Kysely's
  override async acquireMigrationLock(db: Kysely<any>): Promise<void> {
    await sql`begin immediate`.execute(db);
  }

  // biome-ignore lint/suspicious/noExplicitAny: the signature is Kysely's
  override async releaseMigrationLock(db: Kysely<any>): Promise<void> {
    await sql`commit`.execute(db);
  }
}

/** The same dialect, whose errors have Berth's meaning and whose transactions begin as `begin` says. */
function watched(dialect: KyselyDialect, begin: string | null): KyselyDialect {
  return {
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createDriver: () => new WatchedDriver(dialect.createDriver(), begin),
  };
}

class WatchedDriver implements Driver {
  readonly #inner: Driver;
  readonly #begin: string | null;
  readonly #inTransaction = new WeakSet<DatabaseConnection>();
  readonly #outer = new WeakMap<DatabaseConnection, DatabaseConnection>();
  readonly #innerOf = new WeakMap<DatabaseConnection, DatabaseConnection>();

  constructor(inner: Driver, begin: string | null) {
    this.#inner = inner;
    this.#begin = begin;
  }

  async init(): Promise<void> {
    await withMeaning(() => this.#inner.init());
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const inner = await withMeaning(() => this.#inner.acquireConnection());
    let outer = this.#outer.get(inner);
    if (!outer) {
      outer = {
        executeQuery: <R>(query: CompiledQuery): Promise<QueryResult<R>> => this.#execute<R>(inner, query),
        streamQuery: (query, size) => inner.streamQuery(query, size),
      };
      this.#outer.set(inner, outer);
      this.#innerOf.set(outer, inner);
    }
    return outer;
  }

  /** A statement outside a transaction that loses a deadlock did nothing, and is simply said again. */
  async #execute<R>(inner: DatabaseConnection, query: CompiledQuery): Promise<QueryResult<R>> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await withMeaning(() => inner.executeQuery<R>(query));
      } catch (error) {
        if (!(error instanceof WriteConflict) || this.#inTransaction.has(inner) || attempt === STATEMENT_TRIES)
          throw error;
        await sleep(Math.random() * 2 ** attempt);
      }
    }
  }

  async beginTransaction(connection: DatabaseConnection, settings: object): Promise<void> {
    this.#inTransaction.add(this.#unwrap(connection));
    if (this.#begin) await connection.executeQuery(CompiledQuery.raw(this.#begin));
    else await withMeaning(() => this.#inner.beginTransaction(this.#unwrap(connection), settings));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await withMeaning(() => this.#inner.commitTransaction(this.#unwrap(connection)));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await withMeaning(() => this.#inner.rollbackTransaction(this.#unwrap(connection)));
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    this.#inTransaction.delete(this.#unwrap(connection));
    await this.#inner.releaseConnection(this.#unwrap(connection));
  }

  async destroy(): Promise<void> {
    await this.#inner.destroy();
  }

  #unwrap(connection: DatabaseConnection): DatabaseConnection {
    return this.#innerOf.get(connection) ?? connection;
  }
}

async function withMeaning<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw meaningOf(error);
  }
}
