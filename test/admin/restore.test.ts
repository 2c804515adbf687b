import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';
import type { Database } from '#core/store/dialect.ts';
import { withNewDatabase } from '#core/store/handle.ts';
import { migrations } from '#core/store/store.ts';
import { databases, type TestDatabase } from '../support/databases.ts';
import { ADMIN_PASSWORD, adminOf, type BerthProcess, startProcess } from '../support/processes.ts';
import { addAudit, addMachines, fill } from './fill.ts';
import { freshFolder } from './folders.ts';
import { admin, allRows, credentialsWith, KEY, OTHER_KEY, outcome, settings, startAdmin } from './run-admin.ts';

// Each test starts several processes.
vi.setConfig({ testTimeout: 180_000 });

const GENERATIONS = 1_000_000;
const WITHIN = { timeout: 60_000, interval: 200 };
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function fresh(kind: TestDatabase): Promise<Database> {
  const { database, remove } = await kind.fresh();
  ends.push(remove);
  return database;
}

function folder(): string {
  const made = freshFolder();
  ends.push(made.remove);
  return made.path;
}

async function backupOf(database: Database): Promise<string> {
  const file = join(folder(), 'berth.backup');
  expect((await admin(['backup', file], settings(database))).code).toBe(0);
  return file;
}

const pairs = databases.flatMap((source) => databases.map((target) => ({ source, target })));

describe.each(pairs)('a backup of $source.name in $target.name', ({ source, target }) => {
  it('brings every row back as it was, but for who was at work on it', async () => {
    const from = await fresh(source);
    await fill(from);
    const into = await fresh(target);
    const made = await admin(['restore', await backupOf(from)], settings(into));
    expect(made).toMatchObject({ code: 0, err: '' });
    expect(made.out).toContain('6 machines');

    const expected = await allRows(from);
    const leased = (expected['reservations'] ?? []).concat(expected['allocations'] ?? []);
    for (const row of leased) Object.assign(row, { lease_owner: null, lease_until: 0 });
    for (const row of expected['machines'] ?? []) row['generation'] = Number(row['generation']) + GENERATIONS;
    const found = await allRows(into);
    const entry = found['audit']?.find((row) => row['action'] === 'database.restored');
    expect(entry).toMatchObject({ actor: 'setup' });
    found['audit'] = (found['audit'] ?? []).filter((row) => row !== entry);
    expect(found).toEqual(expected);
    expect(new Set(expected['allocations']?.map((row) => row['state']))).toEqual(
      new Set(['active', 'cleaning', 'cleaned']),
    );
    expect(credentialsWith(KEY, found['machines'] ?? [])['m1']).toEqual({ kind: 'password', password: 'test' });
  });

  it('is what a server goes on with: people sign in, machines are logged in to, what was lent ends', {
    timeout: 240_000,
  }, async () => {
    const from = await fresh(source);
    const machines = await startSimulatedMachines({ count: 3, password: 'test' });
    ends.push(() => machines.close());
    const start = async (entry: Parameters<typeof startProcess>[0], database: Database): Promise<BerthProcess> => {
      const started = await startProcess(entry, database, { BERTH_SECRET_KEY: KEY.toString('base64') });
      ends.push(() => started.kill());
      return started;
    };
    const before = await start('src/standalone.ts', from);
    const call = await adminOf(before.address);
    for (const { name, host, port, user, password } of machines.machines) {
      await call('POST', '/machines', { name, host, port, user, password });
    }
    await expect.poll(async () => (await call('GET', '/available')).body.available.length, WITHIN).toBe(3);
    const name = machines.machines[0]?.name as string;
    const kept = await call('POST', '/reservations?wait=60', {
      count: 1,
      machines: [name],
      reservation_password: 'test',
    });
    expect(kept.status).toBe(201);
    const file = await backupOf(from);
    // Machines remember generations that the backup does not know of.
    for (let i = 0; i < 3; i++) {
      const { body } = await call('POST', '/reservations?wait=60', { count: 2, reservation_password: 'test' });
      await call('DELETE', `/reservations/${body.reservation_id}`);
      await expect.poll(async () => (await call('GET', '/available')).body.available.length, WITHIN).toBe(2);
    }
    await before.stop();

    const into = await fresh(target);
    expect((await admin(['restore', file], settings(into))).code).toBe(0);
    const after = await start('src/standalone.ts', into);
    const next = await adminOf(after.address);
    expect((await next('GET', '/reservations')).body.reservations).toMatchObject([{ state: 'active' }]);
    await expect.poll(async () => (await next('GET', '/available')).body.available.length, WITHIN).toBe(2);
    const made = await next('POST', '/reservations?wait=60', { count: 2, reservation_password: 'test' });
    expect(made.body).toMatchObject({ state: 'active' });
    expect(machines.machines.map((machine) => machine.accounts.size)).toEqual([1, 1, 1]);
    expect((await next('POST', '/release_all')).body.released).toBe(2);
    await expect.poll(async () => (await next('GET', '/available')).body.available.length, WITHIN).toBe(3);
    expect(machines.machines.map((machine) => machine.accounts.size)).toEqual([0, 0, 0]);
  });
});

describe.each(databases)('restoring into $name', (kind) => {
  let backup: Buffer;
  let file: string;
  beforeAll(async () => {
    const source = await kind.fresh();
    await fill(source.database);
    const place = freshFolder();
    file = join(place.path, 'berth.backup');
    await admin(['backup', file], settings(source.database));
    backup = readFileSync(file);
    await source.remove();
    return place.remove;
  });

  it('needs an empty database, or the word that what is there is given up', async () => {
    const target = await fresh(kind);
    await addMachines(target, 2);
    const before = await allRows(target);
    const refused = await admin(['restore', file], settings(target));
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('the database is not empty (2 machines); restore into a new one, or');
    const unasked = await admin(['restore', file, '--replace'], settings(target));
    expect(unasked).toMatchObject({ code: 2, out: '' });
    expect(unasked.err).toContain('--yes');
    expect(await allRows(target)).toEqual(before);

    expect((await admin(['restore', '-', '--replace', '--yes'], settings(target), backup)).code).toBe(0);
    const { machines, users } = await allRows(target);
    expect(machines?.map((one) => one['name']).sort()).toEqual(['m1', 'm2', 'm3', 'm4', 'm5', 'm6']);
    expect(users?.map((one) => one['username']).sort()).toEqual(['admin', 'alice', 'bob']);
  });

  it('is refused while a scheduler is at work', async () => {
    const target = await fresh(kind);
    const scheduler = await startProcess('src/scheduler/main.ts', target, {
      BERTH_SECRET_KEY: KEY.toString('base64'),
      ADMIN_DEFAULT_PASSWORD: ADMIN_PASSWORD,
    });
    ends.push(() => scheduler.kill());
    const refused = await admin(['restore', file, '--replace', '--yes'], settings(target));
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('Berth is running; stop all its processes first');
    await scheduler.stop();
    expect((await admin(['restore', file, '--replace', '--yes'], settings(target))).code).toBe(0);
  });

  it('killed anywhere leaves all of what was there, or all of the backup', { timeout: 240_000 }, async () => {
    const large = await fresh(kind);
    await addMachines(large, 3);
    await addAudit(large, 20_000);
    const content = await backupOf(large);
    const target = await fresh(kind);
    await addMachines(target, 1, KEY, 100);
    const args = ['restore', content, '--replace', '--yes'];
    const whole = await fresh(kind);
    const began = performance.now();
    expect((await admin(args, settings(whole))).code).toBe(0);
    const lasts = performance.now() - began;
    for (const part of [0.5, 0.6, 0.7, 0.8, 0.9]) {
      const child = startAdmin(args, settings(target));
      const ended = outcome(child);
      await pause(lasts * part);
      child.kill('SIGKILL');
      await ended;
      const { machines = [], audit = [] } = await allRows(target);
      const names = machines.map((row) => row['name']).sort();
      if (names.length === 1) expect([names, audit.length]).toEqual([['box-100'], 0]);
      else expect([names, audit.length]).toEqual([['box-1', 'box-2', 'box-3'], 20_001]);
    }
    expect((await admin(args, settings(target))).code).toBe(0);
    expect((await allRows(target))['audit']).toHaveLength(20_001);
  });

  it('refuses a file that was cut, altered or is none, and changes nothing', async () => {
    const target = await fresh(kind);
    await addMachines(target, 1);
    const before = await allRows(target);
    const lines = gunzipSync(backup).toString().trim().split('\n');
    const joined = (parts: string[]) => gzipSync(`${parts.join('\n')}\n`);
    const row = lines.findIndex((line) => line.startsWith('["') && line.includes('alice'));
    const raw = gunzipSync(backup);
    const wrong: Record<string, Buffer> = {
      empty: Buffer.alloc(0),
      'no gzip': Buffer.from('CREATE TABLE users'),
      'another thing': gzipSync('{"name":"x"}\n'),
      'cut in half': backup.subarray(0, backup.length / 2),
      'cut by a byte': backup.subarray(0, -1),
      'cut at a line': joined(lines.slice(0, -1)),
      'cut in a line': gzipSync(raw.subarray(0, -20)),
      'a row less': joined(lines.filter((_, i) => i !== row)),
      'a row twice': joined(lines.flatMap((line, i) => (i === row ? [line, line] : [line]))),
      'another letter': joined(lines.map((line, i) => (i === row ? line.replace('alice', 'malic') : line))),
      'more after its end': joined([...lines, lines[row] as string]),
      'a flipped bit': Buffer.from(backup.map((byte, i) => (i === backup.length >> 1 ? byte ^ 4 : byte))),
    };
    const place = folder();
    for (const [what, content] of Object.entries(wrong)) {
      const damaged = join(place, 'damaged');
      writeFileSync(damaged, content);
      const refused = await admin(['restore', damaged, '--replace', '--yes'], settings(target));
      expect(refused, what).toMatchObject({ code: 1, out: '' });
      expect(refused.err, what).toMatch(/^berth-admin: the backup is damaged \(.+\), and nothing was changed/);
    }
    const missing = await admin(['restore', join(place, 'nowhere')], settings(target));
    expect(missing).toMatchObject({ code: 1, err: `berth-admin: there is no file ${join(place, 'nowhere')}\n` });
    expect(await allRows(target)).toEqual(before);
  });

  it('refuses what a later version made, and rows that cannot be, and changes nothing', async () => {
    const target = await fresh(kind);
    await addMachines(target, 1);
    const before = await allRows(target);
    const lines = gunzipSync(backup).toString().trim().split('\n').slice(0, -1);
    const write = (parts: string[]): string => {
      const path = join(folder(), 'made.backup');
      const body = `${parts.join('\n')}\n`;
      const end = { end: { rows: {}, sha256: createHash('sha256').update(body).digest('hex') } };
      writeFileSync(path, gzipSync(`${body}${JSON.stringify(end)}\n`));
      return path;
    };
    const header = JSON.parse(lines[0] as string);
    const twice = lines.flatMap((line) => (line.startsWith('["') && line.includes('"alice"') ? [line, line] : [line]));
    for (const [path, words] of [
      [write([JSON.stringify({ ...header, schema: '9999-later' }), ...lines.slice(1)]), 'another version of Berth'],
      [write([JSON.stringify({ ...header, berth_backup: 2 }), ...lines.slice(1)]), 'the backup has format 2'],
      [write([...lines, '{"table":"spells","columns":["id"]}', '["x"]']), 'does not know: spells'],
      [write(twice), 'duplicate key'],
    ] as const) {
      const refused = await admin(['restore', path, '--replace', '--yes'], settings(target));
      expect(refused, words).toMatchObject({ code: 1, out: '' });
      expect(refused.err).toContain(words);
    }
    expect(await allRows(target)).toEqual(before);
  });

  it('warns when no key opens the credentials, and says how to move it', async () => {
    const target = await fresh(kind);
    const warned = await admin(['restore', file], settings(target, { BERTH_SECRET_KEY: OTHER_KEY.toString('base64') }));
    expect(warned.code).toBe(0);
    expect(warned.err).toMatch(/^warning: no key here opens .+ set BERTH_SECRET_KEY to what it was there/);
    for (const secret of [KEY, OTHER_KEY]) expect(warned.err).not.toContain(secret.toString('base64'));
    const { machines = [] } = await allRows(target);
    expect(() => credentialsWith(OTHER_KEY, machines)).toThrow('sealed with another key');
    expect(Object.keys(credentialsWith(KEY, machines))).toHaveLength(6);
    const both = { BERTH_SECRET_KEY: OTHER_KEY.toString('base64'), BERTH_SECRET_KEYS_OLD: KEY.toString('hex') };
    const quiet = await admin(['restore', file, '--replace', '--yes'], settings(target, both));
    expect(quiet).toMatchObject({ code: 0, err: '' });
  });

  it('brings the tables of an older backup up to date', async () => {
    const older = await fresh(kind);
    await withNewDatabase(older, async (db) => {
      const [first] = await migrations(db, older.dialect).getMigrations();
      await migrations(db, older.dialect).migrateTo(first?.name as string);
      const user = {
        id: 'u1',
        username: 'ann',
        password_hash: 'x',
        role: 'user',
        disabled: 0,
        token_version: 0,
      } as const;
      await db
        .insertInto('users')
        .values({ ...user, created_at: 5 } as never)
        .execute();
    });
    const old = await backupOf(older);
    for (const full of [false, true]) {
      const target = await fresh(kind);
      if (full) await addMachines(target, 2);
      expect(await admin(['restore', old, '--replace', '--yes'], settings(target))).toMatchObject({ code: 0, err: '' });
      const found = await allRows(target);
      expect(found['users']).toMatchObject([{ id: 'u1', username: 'ann', created_at: 5 }]);
      expect(found['machines']).toEqual([]);
      await withNewDatabase(target, async (db) => {
        const steps = await migrations(db, target.dialect).getMigrations();
        expect(steps.every((step) => step.executedAt)).toBe(true);
      });
    }
  });
});
