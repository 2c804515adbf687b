import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { createConnection } from 'mysql2/promise';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';
import { createAccounts } from '#core/accounts/create-accounts.ts';
import { readConfig } from '#core/runtime/config.ts';
import { keptSecret } from '#core/runtime/secrets.ts';
import type { Database } from '#core/store/dialect.ts';
import { withDatabase } from '#core/store/handle.ts';
import { checkDatabase } from '../../src/admin/checks/database.ts';
import { databases, onMariadb } from '../support/databases.ts';
import { startProcess } from '../support/processes.ts';
import { LENIENT } from '../support/test-pool.ts';
import { addMachines, machine, onStore } from './fill.ts';
import { canMount, freshFolder, smallDisk } from './folders.ts';
import { admin, KEY, OTHER_KEY, settings } from './run-admin.ts';

// Each test starts several processes.
vi.setConfig({ testTimeout: 180_000 });

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function folder(): string {
  const made = freshFolder();
  ends.push(made.remove);
  return made.path;
}

const SERVER = { BERTH_SECRET_KEY: OTHER_KEY.toString('base64') };

interface Check {
  readonly status: string;
  readonly message: string;
  readonly mend?: string;
  readonly problems?: { what: string; mend: string }[];
}

/** What each check found, by its name. */
async function diagnosis(env: Record<string, string>, ...args: string[]): Promise<Record<string, Check>> {
  const { code, out, err } = await admin(['doctor', '--json', ...args], env);
  expect(err).toBe('');
  for (const secret of [KEY.toString('base64'), OTHER_KEY.toString('base64'), 'berth:berth', 'secret-of-box']) {
    expect(out).not.toContain(secret);
  }
  const { ok, checks } = JSON.parse(out) as { ok: boolean; checks: (Check & { name: string; number: number })[] };
  expect(checks.map((check) => check.number)).toEqual(checks.map((_, i) => i + 1));
  expect(ok).toBe(!checks.some((check) => check.status === 'failed'));
  expect(code).toBe(ok ? 0 : 1);
  for (const check of checks) {
    const mends = check.problems?.map((problem) => problem.mend) ?? [check.mend];
    if (check.status === 'failed' || check.status === 'warning') expect(mends).not.toContain(undefined);
  }
  return Object.fromEntries(checks.map((check) => [check.name, check]));
}

describe.each(databases)('the doctor on $name', ({ fresh, name }) => {
  async function database(): Promise<Database> {
    const made = await fresh();
    ends.push(made.remove);
    if (made.database.dialect === 'mariadb') {
      const connection = await createConnection(process.env['BERTH_TEST_MARIADB'] as string);
      await connection.query(`ALTER DATABASE ${made.database.database} CHARACTER SET utf8mb4`);
      await connection.end();
    }
    return made.database;
  }

  it('finds nothing where all is well, and machines that are not', async () => {
    const target = await database();
    const simulation = await startSimulatedMachines({ count: 3, password: 'test' });
    ends.push(() => simulation.close());
    const server = await startProcess('src/standalone.ts', target, SERVER);
    ends.push(() => server.kill());
    await onStore(
      target,
      async (store) => {
        for (const [i, { host, port, hostKey, password }] of simulation.machines.entries()) {
          const credential = { kind: 'password', password } as const;
          await store.tables.machines.insert({ ...machine(i, credential), host, port, hostKey, state: 'ready' });
        }
        await store.tables.machines.insert(machine(99));
        const beat = () => store.tables.heartbeats.lastAt('scheduler');
        await expect.poll(beat, { timeout: 10_000 }).toBeDefined();
      },
      OTHER_KEY,
    );
    const env = settings(target, SERVER);
    const well = await diagnosis(env);
    expect(new Set(Object.values(well).map((check) => check.status))).toEqual(new Set(['ok']));
    expect(well['machines']?.message).toBe('3 of 3 machine(s) can be used, 1 disabled left out');
    expect(well['database']?.message).toContain(name);
    const words = await admin(['doctor'], env);
    expect(words.code).toBe(0);
    expect(words.out).toMatch(/^ 1 ok {6}settings/);
    expect(words.out).toMatch(/No check failed\.\n$/);

    Object.assign(simulation.machines[0]?.faults ?? {}, { refuse: true });
    Object.assign(simulation.machines[1]?.faults ?? {}, { wrongHostKey: true });
    const ill = (await diagnosis(env))['machines'];
    expect(ill).toMatchObject({ status: 'failed', message: expect.stringContaining('1 of 3 machine(s) can be used') });
    expect(ill?.problems?.map((problem) => problem.what)).toEqual([
      expect.stringContaining('box-0'),
      expect.stringMatching(/box-1.*host key/),
    ]);
    expect((await diagnosis(env, '--machine', 'box-2'))['machines']?.status).toBe('ok');
    expect((await diagnosis(env, '--machine', 'box-1'))['machines']?.status).toBe('failed');
    const unknown = (await diagnosis(env, '--machine', 'nobody'))['machines'];
    expect(unknown).toMatchObject({ status: 'failed', message: 'there is no machine named "nobody"' });

    await server.kill();
    await onStore(
      target,
      (store) => store.tables.heartbeats.beat('scheduler', new Date(Date.now() - 60_000)),
      OTHER_KEY,
    );
    expect((await diagnosis(env))['scheduler']).toMatchObject({ status: 'failed' });
  });

  it('finds migrations that are missing, those of a later version, and a table that is gone', async () => {
    const target = await database();
    await addMachines(target, 1, OTHER_KEY);
    const run = (statement: string) =>
      withDatabase(target, async (db) => {
        await sql.raw(statement).execute(db);
      });
    await run("INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-later', '2030')");
    const later = await diagnosis(settings(target, SERVER));
    expect(later['migrations']).toMatchObject({ status: 'failed', message: expect.stringContaining('9999-later') });
    expect(later['credentials']?.status).toBe('skipped');
    await run("DELETE FROM kysely_migration WHERE name = '9999-later'");
    await run('DROP TABLE heartbeats');
    const damaged = await diagnosis(settings(target, SERVER));
    expect(damaged['scheduler']).toMatchObject({ status: 'failed', message: expect.stringContaining('heartbeats') });
    expect(damaged['credentials']?.status).toBe('ok');
    await run('DELETE FROM kysely_migration');
    const pending = await diagnosis(settings(target, SERVER));
    expect(pending['migrations']).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('not up to date'),
    });
    await withDatabase(target, async (db) => {
      expect(await db.selectFrom('machines').select('name').execute(), 'it changed nothing').toHaveLength(1);
    });
  });

  it('counts credentials that no key opens, and those of an old key', async () => {
    const target = await database();
    await addMachines(target, 3, OTHER_KEY);
    await addMachines(target, 2, KEY, 10);
    const closed = await diagnosis(settings(target, SERVER));
    expect(closed['credentials']).toMatchObject({
      status: 'failed',
      message: expect.stringMatching(
        /^no key opens 2 credential\(s\) sealed with the key \S{8}: box-1[01], box-1[01]$/,
      ),
    });
    expect(closed['scheduler']).toMatchObject({ status: 'failed', message: 'no scheduler was ever at work' });
    const old = await diagnosis(settings(target, { ...SERVER, BERTH_SECRET_KEYS_OLD: KEY.toString('base64') }));
    expect(old['credentials']).toMatchObject({
      status: 'warning',
      message: '2 of 5 credentials are sealed with an old key',
    });
  });

  it('finds the password that Berth ships with', async () => {
    const target = await database();
    await onStore(target, async (store) => {
      const accounts = createAccounts(store, { secret: Buffer.alloc(32), expiresMinutes: 1 }, LENIENT);
      await accounts.seedAdmin('boss', 'change-me', new Date());
    });
    const open = { HOST: '0.0.0.0', ADMIN_DEFAULT_PASSWORD: 'another' };
    expect((await diagnosis(settings(target, { ...SERVER, ...open })))['admin password']).toMatchObject({
      status: 'failed',
      message: 'boss still has the password that Berth ships with',
    });
    expect((await diagnosis(settings(target, SERVER)))['admin password']?.status).toBe('warning');
  });
});

describe.each(onMariadb)('the doctor on $name alone', ({ fresh }) => {
  async function database() {
    const made = await fresh();
    ends.push(made.remove);
    if (made.database.dialect !== 'mariadb') throw new Error('this is for MariaDB');
    return made.database;
  }
  async function onServer(...statements: string[]): Promise<void> {
    const connection = await createConnection(process.env['BERTH_TEST_MARIADB'] as string);
    for (const statement of statements) await connection.query(statement);
    await connection.end();
  }

  it('says why it cannot be reached', async () => {
    const target = await database();
    for (const [wrong, message, mend] of [
      [{ port: 1 }, 'ECONNREFUSED', 'host and port'],
      [{ password: 'no-such-password' }, 'Access denied', 'user and password'],
      [{ database: 'nowhere' }, 'Unknown database', 'CREATE DATABASE'],
    ] as const) {
      const found = await diagnosis(settings({ ...target, ...wrong }, SERVER));
      expect(found['database']).toMatchObject({ status: 'failed', message: expect.stringContaining(message) });
      expect(found['database']?.mend).toContain(mend);
      expect(JSON.stringify(found)).not.toContain('no-such-password');
      expect(found['migrations']?.status).toBe('skipped');
    }
  });

  it('needs the key to be set', async () => {
    const target = await database();
    const found = await diagnosis(settings(target, { BERTH_SECRET_KEY: '', BERTH_DATA_DIR: folder() }));
    expect(found['secrets']).toMatchObject({ status: 'failed', message: expect.stringContaining('BERTH_SECRET_KEY') });
  });

  it('warns of another character set, of the database and of a table', async () => {
    const target = await database();
    await addMachines(target, 1, OTHER_KEY);
    await onServer(
      `ALTER DATABASE ${target.database} CHARACTER SET latin1`,
      `ALTER TABLE ${target.database}.audit CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`,
    );
    const found = (await diagnosis(settings(target, SERVER)))['database'];
    expect(found).toMatchObject({ status: 'warning' });
    expect(found?.problems?.map((problem) => problem.what)).toEqual([
      'new tables have the character set latin1',
      'the table audit is not InnoDB with utf8mb4_bin',
    ]);
    await onServer(
      `ALTER DATABASE ${target.database} CHARACTER SET utf8mb4`,
      `ALTER TABLE ${target.database}.audit ENGINE=InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
    );
    expect((await diagnosis(settings(target, SERVER)))['database']?.status).toBe('ok');
  });

  it('compares the clocks', async () => {
    const target = await database();
    await addMachines(target, 1, OTHER_KEY);
    // Statements of this user are told another time; those who may do everything are not.
    await onServer(
      `CREATE USER skewed@'127.0.0.1' IDENTIFIED BY 'skewed'`,
      `GRANT ALL ON ${target.database}.* TO skewed@'127.0.0.1'`,
      `SET GLOBAL init_connect = 'SET timestamp = unix_timestamp() - 300'`,
    );
    ends.push(() => onServer(`SET GLOBAL init_connect = ''`, `DROP USER skewed@'127.0.0.1'`));
    const skewed = await diagnosis(settings({ ...target, user: 'skewed', password: 'skewed' }, SERVER));
    expect(skewed['clock']).toMatchObject({
      status: 'warning',
      message: expect.stringMatching(/^the clock of the database is 30\d\.\d s behind the one here$/),
    });
    expect((await diagnosis(settings(target, SERVER)))['clock']?.status).toBe('ok');
  });
});

describe('the doctor', () => {
  const sqlite = (): Database => ({ dialect: 'sqlite', file: join(folder(), 'berth.sqlite') });

  it('names a wrong setting, and skips what needs the settings', async () => {
    const found = await diagnosis(settings(sqlite(), { PORT: 'http' }));
    expect(found['settings']).toMatchObject({ status: 'failed', message: expect.stringMatching(/^PORT: /) });
    expect(found['machines']).toMatchObject({ status: 'skipped', message: 'needs the settings' });
  });

  it('makes no database where there is none', async () => {
    const database = sqlite();
    const found = await diagnosis(settings(database, SERVER));
    expect(found['database']).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('there is no database'),
    });
    expect(database.dialect === 'sqlite' && existsSync(database.file)).toBe(false);
  });

  it('looks for Ansible where it is to be used', async () => {
    const env = settings(sqlite(), { ...SERVER, ACCESS_DRIVER: 'ansible', PATH: folder() });
    expect((await diagnosis(env))['ansible']).toMatchObject({
      status: 'failed',
      message: 'ACCESS_DRIVER=ansible, and there is no ansible-playbook',
    });
  });

  it('finds secrets that others can read, that are damaged, or that are placeholders', async () => {
    const database = sqlite();
    await addMachines(database, 1, OTHER_KEY);
    const data = folder();
    keptSecret(data, 'jwt-secret');
    const env = settings(database, { ...SERVER, JWT_SECRET: '', BERTH_DATA_DIR: data });
    expect((await diagnosis(env))['secrets']?.status).toBe('ok');
    chmodSync(join(data, 'jwt-secret'), 0o644);
    expect((await diagnosis(env))['secrets']).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('others can read this secret'),
    });
    writeFileSync(join(data, 'jwt-secret'), 'x');
    chmodSync(join(data, 'jwt-secret'), 0o600);
    expect((await diagnosis(env))['secrets']?.status).toBe('failed');

    const placeholders = { BERTH_SECRET_KEY: KEY.toString('base64'), JWT_SECRET: 'please-change-me-please-change-me' };
    const found = (await diagnosis(settings(database, placeholders)))['secrets'];
    expect(found?.problems?.map((problem) => problem.what)).toEqual([
      'JWT_SECRET is a placeholder that others can guess',
      'BERTH_SECRET_KEY is a placeholder that others can guess',
    ]);
    const lenient = await diagnosis(settings(database, { ...placeholders, BERTH_ENV: 'development' }));
    expect(lenient['secrets']?.status).toBe('ok');

    const place = folder();
    const file = join(place, 'key');
    writeFileSync(file, SERVER.BERTH_SECRET_KEY, { mode: 0o644 });
    const named = settings(database, { BERTH_SECRET_KEY: '', BERTH_SECRET_KEY_FILE: file });
    expect((await diagnosis(named))['secrets']?.status, 'nobody gets through its folder').toBe('ok');
    chmodSync(place, 0o755);
    expect((await diagnosis(named))['secrets']).toMatchObject({
      status: 'warning',
      message: `everybody on this machine can read ${file}`,
    });
  });

  it('finds a data directory that cannot be written to', async () => {
    const found = await diagnosis(settings(sqlite(), { ...SERVER, BERTH_DATA_DIR: '/proc/berth' }));
    expect(found['data directory']).toMatchObject({ status: 'failed', message: expect.stringContaining('/proc') });
  });

  it.runIf(canMount)('finds a disk that is nearly full', async () => {
    const disk = smallDisk(1_048_576);
    ends.push(disk.remove);
    const env = settings(sqlite(), { ...SERVER, BERTH_DATA_DIR: disk.path });
    expect((await diagnosis(env))['data directory']).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('1 MB free'),
    });
    writeFileSync(join(disk.path, 'full'), Buffer.alloc(1_048_576 - 4096));
    expect((await diagnosis(env))['data directory']?.status).toBe('failed');
  });

  it.each([
    ['10.5.29-MariaDB', 'failed'],
    ['10.6.0-MariaDB', 'ok'],
    ['11.8.2-MariaDB-ubu2404', 'ok'],
    ['8.4.3', 'failed'],
  ])('knows whether version %s will do', (version, status) => {
    const config = readConfig({ DATABASE_URL: 'mysql://u:p@db/berth' });
    const facts = {
      version,
      pendingMigrations: [],
      unknownMigrations: [],
      clockAheadMs: 0,
      oddities: [],
      missingGuards: [],
    };
    expect(checkDatabase(config, facts).status).toBe(status);
  });
});
