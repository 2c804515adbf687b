import { Kysely, type KyselyPlugin, sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { type Database, kyselyDialect } from '#core/store/dialect.ts';
import * as firstTables from '#core/store/migrations/0001-first-tables.ts';
import { openStore } from '#core/store/store.ts';
import { databases, onMariadb } from '../support/databases.ts';
import { mariadbInstalled, startMariadb } from '../support/mariadb.ts';
import { startProcess } from '../support/processes.ts';

const WITHIN = { timeout: 60_000, interval: 100 };

const open = (database: Database) =>
  openStore({ database, secretKey: Buffer.alloc(32, 7), connectRetries: 0, connectRetrySeconds: 0 });

/** Breaks off before the statement after `allowed` others, as a crash does. */
function crashAfter(allowed: number): KyselyPlugin & { reached: boolean } {
  let count = 0;
  return {
    reached: false,
    transformQuery(args) {
      count += 1;
      if (count > allowed) {
        this.reached = true;
        throw new Error('crash');
      }
      return args.node;
    },
    transformResult: async ({ result }) => result,
  };
}

/** All tables with their columns and indexes, as the database itself describes them. */
async function shape(database: Database): Promise<string> {
  const db = new Kysely<unknown>({ dialect: kyselyDialect(database) });
  try {
    if (database.dialect === 'sqlite') {
      const { rows } = await sql`SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name`.execute(db);
      return JSON.stringify(rows, null, 1);
    }
    const { rows } = await sql<{ name: string }>`SELECT table_name AS name FROM information_schema.tables
      WHERE table_schema = ${database.database} ORDER BY table_name`.execute(db);
    const tables = [];
    for (const { name } of rows) tables.push((await sql`SHOW CREATE TABLE ${sql.table(name)}`.execute(db)).rows);
    return JSON.stringify(tables, null, 1);
  } finally {
    await db.destroy();
  }
}

describe.each(databases)('the tables on $name', ({ fresh }) => {
  it('are completed after a crash between any two statements of the migration', { timeout: 120_000 }, async () => {
    const whole = await fresh();
    await (await open(whole.database)).close();
    const expected = await shape(whole.database);
    await whole.remove();
    let crashes = 0;
    for (let statements = 0; ; statements++) {
      const { database, remove } = await fresh();
      const crash = crashAfter(statements);
      const db = new Kysely<unknown>({ dialect: kyselyDialect(database), plugins: [crash] });
      await firstTables.up(db, database.dialect).catch(() => undefined);
      await db.destroy();
      if (!crash.reached) {
        await remove();
        break;
      }
      crashes += 1;
      await (await open(database)).close();
      expect(await shape(database), `after ${statements} statements`).toBe(expected);
      await remove();
    }
    expect(crashes).toBeGreaterThan(8);
  });
});

// On SQLite these have to be processes: see test/accounts/seeding.test.ts.
describe.each(onMariadb)('many that start at once, on $name', ({ fresh }) => {
  it('make the tables once, and opening them again changes nothing', async () => {
    const { database, remove } = await fresh();
    const stores = await Promise.all(
      Array.from({ length: 6 }, () =>
        openStore({ database, secretKey: Buffer.alloc(32, 7), connectRetries: 50, connectRetrySeconds: 0.05 }),
      ),
    );
    const made = await shape(database);
    await Promise.all(stores.map((store) => store.close()));
    await (await open(database)).close();
    expect(await shape(database)).toBe(made);
    await remove();
  });
});

describe.skipIf(!mariadbInstalled())('a server that starts before its database', () => {
  it('waits for it, and gives up after as many tries as it was told', { timeout: 120_000 }, async () => {
    const mariadb = await startMariadb();
    try {
      await mariadb.createDatabase('late');
      await mariadb.kill();
      const { hostname, port, username, password } = new URL(mariadb.url);
      const database = {
        dialect: 'mariadb',
        host: hostname,
        port: Number(port),
        user: username,
        password,
        database: 'late',
      } as const;
      const impatient = startProcess('src/api/main.ts', database, {
        DB_CONNECT_MAX_RETRIES: '2',
        DB_CONNECT_RETRY_SECONDS: '0',
      });
      const problem = await impatient.then(
        () => 'it started',
        (error: Error) => error.message,
      );
      expect(problem).toContain('ended at once');
      expect(problem.match(/waiting for the database/g)).toHaveLength(2);
      expect(problem).toContain(`DATABASE_URL: the database at 127.0.0.1:${port} cannot be reached (tried 3 times)`);

      let ready = false;
      const patient = startProcess('src/api/main.ts', database, {
        DB_CONNECT_MAX_RETRIES: '1000',
        DB_CONNECT_RETRY_SECONDS: '1',
      }).then((server) => {
        ready = true;
        return server;
      });
      await mariadb.start();
      await expect.poll(() => ready, WITHIN).toBe(true);
      expect(await (await patient).stop()).toBe(0);

      // A wrong password is not waited for.
      const mistaken = startProcess('src/api/main.ts', { ...database, password: 'another' });
      await expect(mistaken).rejects.toThrow(
        new RegExp(`DATABASE_URL: the database at 127.0.0.1:${port} refuses: Access denied`),
      );
    } finally {
      await mariadb.remove();
    }
  });
});
