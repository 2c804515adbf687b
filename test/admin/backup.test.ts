import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Database } from '#core/store/dialect.ts';
import { sealKeyId } from '#core/store/seal.ts';
import { databases } from '../support/databases.ts';
import { openTestPool } from '../support/test-pool.ts';
import { addAudit, addMachines, fill, onStore } from './fill.ts';
import { canMount, freshFolder, smallDisk } from './folders.ts';
import { admin, OTHER_KEY, type Outcome, outcome, type Row, settings, startAdmin } from './run-admin.ts';

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

/** Rows by table, as they are in the file. */
function contentOf(file: Buffer): Record<string, Row[]> {
  const tables: Record<string, Row[]> = {};
  let columns: string[] = [];
  let rows: Row[] = [];
  for (const line of gunzipSync(file).toString().trim().split('\n')) {
    const content = JSON.parse(line);
    if (Array.isArray(content)) {
      rows.push(Object.fromEntries(columns.map((column, i) => [column, content[i]])));
    } else if (content.table) {
      columns = content.columns;
      rows = [];
      tables[content.table] = rows;
    }
  }
  return tables;
}

describe.each(databases)('a backup of $name', ({ fresh }) => {
  async function database(): Promise<Database> {
    const made = await fresh();
    ends.push(made.remove);
    return made.database;
  }

  it('is one file for its owner only, with everything but secrets in it', async () => {
    const source = await database();
    await fill(source);
    await onStore(
      source,
      async ({ tables }) => {
        await tables.secondFactors.begin((await tables.users.byName('bob'))?.id ?? '', 'SECRETOFBOB', new Date());
        await tables.oidc.useState('a state', new Date(Date.now() + 600_000), new Date());
      },
      OTHER_KEY,
    );
    const file = join(folder(), 'berth.backup');
    const made = await admin(['backup', file], settings(source));
    expect(made).toMatchObject({ code: 0, out: '' });
    expect(made.err).toMatch(/^backed up \d+ allocations, (.* )?6 machines, \d+ reservations, (.* )?3 users\n$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(file, '..'))).toEqual(['berth.backup']);
    const text = gunzipSync(readFileSync(file)).toString();
    expect(text).not.toContain('"password":"test"');
    expect(text).not.toContain('a key that is only used');
    const { berth_backup: format, key_ids: keyIds } = JSON.parse(text.split('\n')[0] as string);
    expect(format).toBe(1);
    expect(keyIds).toHaveLength(2);
    expect(keyIds).toContain(sealKeyId(OTHER_KEY));
    expect(text).not.toContain('SECRETOFBOB');
    expect(contentOf(readFileSync(file))).not.toHaveProperty('oidc_used_states');

    // The same on standard output; both hold the same rows.
    const piped = await admin(['backup', '-'], settings(source));
    expect(piped).toMatchObject({ code: 0, err: made.err });
  });

  it('takes the place of an older one, also through a link, and of nothing that is no file', async () => {
    const source = await database();
    await addMachines(source, 1);
    const place = folder();
    const file = join(place, 'berth.backup');
    const link = join(place, 'link');
    writeFileSync(file, 'older', { mode: 0o644 });
    symlinkSync(file, link);
    expect((await admin(['backup', link], settings(source))).code).toBe(0);
    expect(contentOf(readFileSync(file))['machines']).toHaveLength(1);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    for (const wrong of [place, '/dev/null', join(place, 'nowhere', 'file')]) {
      const refused = await admin(['backup', wrong], settings(source));
      expect(refused.code).toBeGreaterThan(0);
      expect(refused.err).toMatch(/is no file|there is no such folder/);
    }
    expect(readdirSync(place).sort()).toEqual(['berth.backup', 'link']);
  });

  it('is of one moment while reservations come and go', async () => {
    const source = await database();
    // Read in between: the longer it takes, the more happens meanwhile.
    await addAudit(source, 20_000);
    const core = await openTestPool(source);
    ends.push(() => core.close());
    await core.addMachines(12);
    let going = true;
    let changes = 0;
    const writers = Array.from({ length: 3 }, async () => {
      while (going) {
        const made = await core.reserve(core.admin, 2);
        await core.pool.release(core.admin, made.id, core.now());
        await core.place.background.idle();
        changes += 1;
        // Nothing here waits for anything outside: others would never get their turn.
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    const seen = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const before = changes;
      const file = join(folder(), 'berth.backup');
      expect((await admin(['backup', file], settings(source))).code).toBe(0);
      expect(changes, 'the writers went on').toBeGreaterThan(before);
      const { reservations = [], allocations = [], machines = [] } = contentOf(readFileSync(file));
      expect(machines).toHaveLength(12);
      const byId = new Map(reservations.map((one) => [one['id'], one]));
      for (const one of allocations) expect(byId.get(one['reservation_id']), 'its reservation').toBeDefined();
      for (const { id, state } of reservations) {
        const open = allocations.filter((one) => one['reservation_id'] === id && one['open'] === 1).length;
        seen.add(String(state));
        if (state === 'active' || state === 'preparing') expect(open, `${state} machines`).toBe(2);
        if (state === 'ended') expect(open, 'machines of what is over').toBe(0);
      }
    }
    going = false;
    await Promise.all(writers);
    expect(seen).toContain('ended');
  });

  it.runIf(canMount)(
    'leaves nothing when the disk is full, and an older one as it was',
    { timeout: 60_000 },
    async () => {
      const source = await database();
      await addAudit(source, 5_000);
      const disk = smallDisk(65_536);
      ends.push(disk.remove);
      const file = join(disk.path, 'berth.backup');
      for (const older of [false, true]) {
        if (older) writeFileSync(file, 'older');
        const refused = await admin(['backup', file], settings(source));
        expect(refused.code).toBe(1);
        expect(refused.err).toContain('the disk is full');
        expect(readdirSync(disk.path)).toEqual(older ? ['berth.backup'] : []);
      }
      expect(readFileSync(file, 'utf8')).toBe('older');
    },
  );

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'leaves nothing when it is ended by %s',
    { timeout: 60_000 },
    async (signal) => {
      const source = await database();
      await addAudit(source, 40_000);
      const place = folder();
      const child = startAdmin(['backup', join(place, 'berth.backup')], settings(source));
      const ended: Promise<Outcome> = outcome(child);
      await expect.poll(() => readdirSync(place), { interval: 5, timeout: 30_000 }).toHaveLength(1);
      child.kill(signal);
      await ended;
      expect(child.signalCode).toBe(signal);
      expect(readdirSync(place)).toEqual([]);
    },
  );
});

describe('a backup', () => {
  it('of no database is refused, and makes none', async () => {
    const place = folder();
    const file = join(place, 'no.sqlite');
    const refused = await admin(['backup', join(place, 'x')], settings({ dialect: 'sqlite', file }));
    expect(refused).toMatchObject({ code: 1, out: '', err: `berth-admin: there is no database at ${file} yet\n` });
    expect(existsSync(file)).toBe(false);
  });

  it('to a full device says so', async () => {
    const source: Database = { dialect: 'sqlite', file: join(folder(), 'berth.sqlite') };
    await addMachines(source, 1);
    const script = 'exec "$0" src/admin/main.ts backup - >/dev/full';
    const child = spawn('sh', ['-c', script, process.execPath], { stdio: 'pipe', env: settings(source) });
    const refused = await outcome(child);
    expect(refused).toMatchObject({ code: 1, err: 'berth-admin: standard output does not take it (ENOSPC)\n' });
  });
});
