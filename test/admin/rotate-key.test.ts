import { randomInt } from 'node:crypto';
import { existsSync, linkSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { keptSecret } from '#core/runtime/secrets.ts';
import type { Database } from '#core/store/dialect.ts';
import { databases } from '../support/databases.ts';
import { startProcess } from '../support/processes.ts';
import { addMachines, onStore, passwordOf } from './fill.ts';
import { freshFolder } from './folders.ts';
import {
  admin,
  allRows,
  credentialsWith,
  KEY,
  OTHER_KEY,
  outcome,
  type Row,
  settings,
  startAdmin,
} from './run-admin.ts';

// Each test starts several processes.
vi.setConfig({ testTimeout: 180_000 });

const MANY = 3_000;
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function folder(): string {
  const made = freshFolder();
  ends.push(made.remove);
  return made.path;
}

/** The new key in use, and the old one still known. */
const BOTH = { BERTH_SECRET_KEY: OTHER_KEY.toString('base64'), BERTH_SECRET_KEYS_OLD: KEY.toString('base64') };

describe.each(databases)('rotate-key on $name', ({ fresh }) => {
  async function withMachines(count: number): Promise<Database> {
    const { database, remove } = await fresh();
    ends.push(remove);
    await addMachines(database, count);
    return database;
  }

  async function machinesOf(database: Database) {
    return (await allRows(database))['machines'] ?? [];
  }

  it('killed in the middle and run again moves every credential to the new key', async () => {
    const database = await withMachines(MANY);
    const before = credentialsWith(KEY, await machinesOf(database));

    const first = startAdmin(['rotate-key'], settings(database, BOTH));
    const ended = new Promise((resolve) => first.once('exit', resolve));
    await new Promise<void>((resolve) => {
      createInterface({ input: first.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        if (/^[1-9]\d* of /.test(line)) resolve();
      });
    });
    first.kill('SIGKILL');
    await ended;
    const outdated = await onStore(database, (store) => store.tables.credentials.countOutdated(), OTHER_KEY, [KEY]);
    expect(outdated).toBeGreaterThan(0);
    expect(outdated).toBeLessThan(MANY);
    // A server that has both keys goes on all the while.
    await onStore(
      database,
      async (store) => {
        const ids = (await store.tables.machines.listWithHolder()).map((machine) => machine.id);
        expect(await store.tables.machines.byIds(ids)).toHaveLength(MANY);
      },
      OTHER_KEY,
      [KEY],
    );

    const second = await admin(['rotate-key'], settings(database, BOTH));
    expect(second).toMatchObject({ code: 0, err: '' });
    expect(second.out).toContain(`${outdated} credentials are sealed anew`);
    expect(credentialsWith(OTHER_KEY, await machinesOf(database))).toEqual(before);
    const third = await admin(['rotate-key'], settings(database, { BERTH_SECRET_KEY: BOTH.BERTH_SECRET_KEY }));
    expect(third).toMatchObject({ code: 0, err: '' });
    expect(third.out).toContain('0 credentials are sealed anew');
    for (const secret of [KEY, OTHER_KEY, Buffer.from('secret-of-box')]) {
      expect(second.out + third.out).not.toContain(secret.toString('base64'));
    }
    const { audit = [] } = await allRows(database);
    const entries = audit.filter((row) => row['action'] === 'credentials.resealed');
    const moved = entries.reduce((sum, row) => sum + JSON.parse(String(row['details'])).credentials, 0);
    expect(moved).toBe(MANY);
  });

  it('moves second factors, too', async () => {
    const database = await withMachines(0);
    await onStore(database, ({ tables }) => tables.secondFactors.begin('a-user', 'SECRETOFBOB', new Date()));
    expect(await admin(['rotate-key'], settings(database, BOTH))).toMatchObject({ code: 0, err: '' });
    const found = await onStore(database, ({ tables }) => tables.secondFactors.of('a-user'), OTHER_KEY);
    expect(found).toEqual({ secret: 'SECRETOFBOB', on: false });
  });

  it('leaves a credential that is changed meanwhile as it was changed', async () => {
    const database = await withMachines(MANY);
    const rows = await machinesOf(database);
    const expected = credentialsWith(KEY, rows);
    const child = startAdmin(['rotate-key'], settings(database, BOTH));
    const ended = outcome(child);
    await onStore(
      database,
      async (store) => {
        for (let i = 0; child.exitCode === null; i++) {
          const { id, name } = rows[randomInt(rows.length)] as Row;
          const credential = { kind: 'password', password: `new-${i}` } as const;
          await store.tables.machines.update(String(id), { credential });
          expected[String(name)] = credential;
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
      OTHER_KEY,
      [KEY],
    );
    expect((await ended).code).toBe(0);
    expect(credentialsWith(OTHER_KEY, await machinesOf(database))).toEqual(expected);
  });

  it('moves what it can open, and names the machines of what it cannot', async () => {
    const database = await withMachines(3);
    const third = Buffer.alloc(32, 'a third key');
    await addMachines(database, 1, third, 10);
    const partly = await admin(['rotate-key'], settings(database, BOTH));
    expect(partly.code).toBe(1);
    expect(partly.err).toContain('box-10: sealed with another key');
    expect(partly.err).toContain('3 credentials are sealed anew and 1 are not');
    const all = { ...BOTH, BERTH_SECRET_KEYS_OLD: `${third.toString('hex')},${BOTH.BERTH_SECRET_KEYS_OLD}` };
    expect((await admin(['rotate-key'], settings(database, all))).code).toBe(0);
    expect(credentialsWith(OTHER_KEY, await machinesOf(database))['box-10']).toEqual(passwordOf(10));
  });

  describe('--new-file', () => {
    async function withKeptKey(count: number) {
      const { database, remove } = await fresh();
      ends.push(remove);
      const data = folder();
      const key = keptSecret(data, 'secret-key');
      await addMachines(database, count, key);
      const env = settings(database, { BERTH_SECRET_KEY: '', BERTH_DATA_DIR: data, BERTH_ENV: 'development' });
      return { database, data, key, env };
    }

    it('puts a new kept key in the place of the old one', async () => {
      const { database, data, key, env } = await withKeptKey(3);
      expect((await admin(['rotate-key', '--new-file'], env)).code).toBe(0);
      expect(readdirSync(data).filter((name) => name.startsWith('secret'))).toEqual(['secret-key']);
      expect(statSync(join(data, 'secret-key')).mode & 0o777).toBe(0o600);
      const next = keptSecret(data, 'secret-key');
      expect(next).not.toEqual(key);
      expect(credentialsWith(next, await machinesOf(database))['box-3']).toEqual(passwordOf(3));
    });

    it('goes on where an earlier run was killed: before, and after, the new key was there', async () => {
      for (const newKeyIsThere of [false, true]) {
        const { database, data, key, env } = await withKeptKey(3);
        linkSync(join(data, 'secret-key'), join(data, 'secret-key.old'));
        if (newKeyIsThere) {
          const made = keptSecret(folder(), 'secret-key');
          rmSync(join(data, 'secret-key'));
          writeFileSync(join(data, 'secret-key'), `${made.toString('base64')}\n`, { mode: 0o600 });
          // A server that starts now opens everything.
          const server = await startProcess('src/standalone.ts', database, {
            BERTH_SECRET_KEY: '',
            BERTH_DATA_DIR: data,
            BERTH_ENV: 'development',
          });
          ends.push(() => server.kill());
          expect(server.address).toMatch(/^http/);
          await server.stop();
        }
        const kept = readFileSync(join(data, 'secret-key'), 'utf8');
        expect((await admin(['rotate-key', '--new-file'], env)).code).toBe(0);
        expect(existsSync(join(data, 'secret-key.old'))).toBe(false);
        const after = keptSecret(data, 'secret-key');
        expect(after).not.toEqual(key);
        expect(readFileSync(join(data, 'secret-key'), 'utf8') === kept, 'no third key').toBe(newKeyIsThere);
        expect(credentialsWith(after, await machinesOf(database))['box-1']).toEqual(passwordOf(1));
      }
    });

    it('is refused while Berth runs, and where the key is set', async () => {
      const { database, data, key, env } = await withKeptKey(1);
      const set = await admin(['rotate-key', '--new-file'], { ...env, ...BOTH });
      expect(set).toMatchObject({ code: 1, out: '' });
      expect(set.err).toContain('BERTH_SECRET_KEY: it is set');
      const server = await startProcess('src/scheduler/main.ts', database, {
        BERTH_SECRET_KEY: '',
        BERTH_DATA_DIR: data,
        BERTH_ENV: 'development',
      });
      ends.push(() => server.kill());
      // Its first beat.
      const beat = () => onStore(database, (store) => store.tables.heartbeats.lastAt('scheduler'));
      await expect.poll(beat, { timeout: 10_000 }).toBeDefined();
      const refused = await admin(['rotate-key', '--new-file'], env);
      expect(refused.code).toBe(1);
      expect(refused.err).toContain('Berth is running');
      expect(keptSecret(data, 'secret-key')).toEqual(key);
      expect(existsSync(join(data, 'secret-key.old'))).toBe(false);
    });
  });
});
