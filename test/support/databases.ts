import { randomUUID } from 'node:crypto';
import { createConnection } from 'mysql2/promise';
import type { Database } from '#core/store/dialect.ts';
import { freshSqlite } from './test-pool.ts';

export interface TestDatabase {
  readonly name: string;
  fresh(): Promise<{ database: Database; remove(): Promise<void> }>;
}

const sqlite: TestDatabase = {
  name: 'SQLite',
  async fresh() {
    const { database, remove } = freshSqlite();
    return { database, remove: async () => remove() };
  },
};

/** Set by the global set-up when this machine has MariaDB: the server that the whole test run shares. */
const server = process.env['BERTH_TEST_MARIADB'];

const mariadb: TestDatabase = {
  name: 'MariaDB',
  async fresh() {
    const url = new URL(server as string);
    const name = `t_${randomUUID().replaceAll('-', '')}`;
    const run = async (statement: string): Promise<void> => {
      const connection = await createConnection(url.href);
      await connection.query(statement);
      await connection.end();
    };
    await run(`CREATE DATABASE ${name}`);
    const { hostname, port, username, password } = url;
    return {
      database: { dialect: 'mariadb', host: hostname, port: Number(port), user: username, password, database: name },
      remove: () => run(`DROP DATABASE ${name}`),
    };
  },
};

/** The databases that a promise of the pool is tested on. */
export const databases: TestDatabase[] = server ? [sqlite, mariadb] : [sqlite];
export const onMariadb: TestDatabase[] = server ? [mariadb] : [];
