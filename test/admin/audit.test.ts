import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createAuditKeeper } from '#core/pool/keep-audit.ts';
import { liftAuditGuards } from '#core/store/audit-guards.ts';
import type { Database } from '#core/store/dialect.ts';
import { withDatabase } from '#core/store/handle.ts';
import { databases, type TestDatabase } from '../support/databases.ts';
import { startProcess } from '../support/processes.ts';
import { addAudit, onStore } from './fill.ts';
import { freshFolder } from './folders.ts';
import { admin, KEY, OTHER_KEY, settings } from './run-admin.ts';

// Each test starts several processes.
vi.setConfig({ testTimeout: 180_000 });

const WITHIN = { timeout: 60_000, interval: 100 };
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function fresh(kind: TestDatabase): Promise<Database> {
  const { database, remove } = await kind.fresh();
  ends.push(remove);
  return database;
}

function file(name: string): string {
  const made = freshFolder();
  ends.push(made.remove);
  return join(made.path, name);
}

/** A database with so many sealed audit rows, in thousands. */
async function sealed(kind: TestDatabase, thousands = 2): Promise<Database> {
  const database = await fresh(kind);
  await addAudit(database, thousands * 1_000);
  await sealAll(database);
  return database;
}

async function sealAll(database: Database, key = KEY): Promise<void> {
  await onStore(
    database,
    async (store) => {
      const keeper = createAuditKeeper({ store, log: { info() {} } } as unknown as Parameters<
        typeof createAuditKeeper
      >[0]);
      await keeper.seal(new Date());
    },
    key,
  );
}

const verify = (database: Database, more: Record<string, string> = {}, args: string[] = []) =>
  admin(['audit', 'verify', ...args], settings(database, more));

async function entries(database: Database): Promise<number> {
  return await withDatabase(database, async (db) => {
    const { n } = await db.selectFrom('audit_chain').select(db.fn.countAll().as('n')).executeTakeFirstOrThrow();
    return Number(n);
  });
}

describe.each(databases)('berth-admin audit on $name', (kind) => {
  it('verify says that the log is whole, or what is wrong and exit code 1', async () => {
    const database = await sealed(kind);
    const head = (await admin(['audit', 'head'], settings(database))).out.trim();
    const whole = await verify(database, {}, ['--head', head]);
    expect(whole).toMatchObject({ code: 0, err: '' });
    expect(whole.out).toContain('2000 entries were checked');
    expect(whole.out).toContain(`The audit log is whole. Head: ${head}`);

    await withDatabase(database, (db) =>
      db.connection().execute(async (connection) => {
        await liftAuditGuards(connection, database.dialect);
        await sql`UPDATE audit SET actor = 'bob' WHERE id = 1234`.execute(connection);
      }),
    );
    const altered = await verify(database);
    expect(altered.code).toBe(1);
    expect(altered.out).toMatch(/^altered {3}audit row 1234 \(entry 1234\) was altered$/m);
    expect(altered.out).toContain('NOT whole');
  });

  it('verify needs the key, and says so', async () => {
    const database = await sealed(kind, 1);
    const other = await verify(database, { BERTH_SECRET_KEY: OTHER_KEY.toString('base64') });
    expect(other.code).toBe(1);
    expect(other.err).toMatch(/sealed with another key/);
  });

  it('an export is verified without a database, and shows what was altered, removed and cut off', async () => {
    const database = await sealed(kind);
    const target = file('audit.jsonl');
    expect(await admin(['audit', 'export', target], settings(database))).toMatchObject({
      code: 0,
      err: 'exported 2000 audit rows\n',
    });
    const elsewhere = { ...settings(database), DATABASE_URL: 'sqlite:////nowhere/at/all' };
    const check = () => admin(['audit', 'verify', '--file', target], elsewhere);
    expect(await check()).toMatchObject({ code: 0, err: '' });

    const lines = readFileSync(target, 'utf8').trimEnd().split('\n');
    const rows = lines.map((line) => JSON.parse(line));
    expect(rows[17]).toMatchObject({ seq: 17, actor: 'scheduler', action: 'test.made', address: null });
    const changed = (work: (all: typeof rows) => void): void => {
      const all = structuredClone(rows);
      work(all);
      writeFileSync(target, `${all.map((row) => JSON.stringify(row)).join('\n')}\n`);
    };
    changed((all) => {
      all[17].details.text = 'nothing happened';
    });
    expect(await check()).toMatchObject({ code: 1, out: expect.stringContaining('(entry 17) was altered') });
    changed((all) => all.splice(17, 1));
    expect(await check()).toMatchObject({ code: 1, out: expect.stringContaining('entries 17 to 17') });
    changed((all) => all.splice(1_000));
    expect(await check()).toMatchObject({ code: 1, out: expect.stringContaining('cut off') });
    writeFileSync(target, '');
    appendFileSync(target, 'hello\n');
    expect(await check()).toMatchObject({ code: 1, err: expect.stringContaining('no export') });
  });

  it('goes on with the same chain after the secret key was changed, and needs only the new one', async () => {
    const database = await sealed(kind);
    const fresh = { BERTH_SECRET_KEY: OTHER_KEY.toString('base64') };
    const both = { ...fresh, BERTH_SECRET_KEYS_OLD: KEY.toString('base64') };
    const rotated = await admin(['rotate-key'], settings(database, both));
    expect(rotated).toMatchObject({ code: 0, out: expect.stringContaining('the audit key is sealed with') });
    await addAudit(database, 1_000);
    await sealAll(database, OTHER_KEY);
    expect(await verify(database, fresh)).toMatchObject({ code: 0, out: expect.stringContaining('3000 entries') });
    expect((await verify(database)).code).toBe(1);
  });

  it('is whole after schedulers were killed while they sealed, two at once', async () => {
    const database = await fresh(kind);
    const start = () => startProcess('src/scheduler/main.ts', database, settings(database));
    for (let round = 1; round <= 2; round++) {
      // New ones each time: a busy host may not get to the kill before all are sealed.
      await addAudit(database, 20_000);
      const before = await entries(database);
      const both = await Promise.all([start(), start()]);
      ends.push(...both.map((one) => () => one.kill()));
      await vi.waitUntil(async () => (await entries(database)) > before, { ...WITHIN, interval: 5 });
      await Promise.all(both.map((one) => one.kill()));
      expect((await verify(database)).out).not.toMatch(/altered|removed|reordered|inserted|^chain/m);
    }
    const last = await start();
    ends.push(() => last.kill());
    await vi.waitUntil(async () => (await entries(database)) >= 40_000, WITHIN);
    expect(await last.stop()).toBe(0);
    await sealAll(database);
    expect(await verify(database)).toMatchObject({ code: 0 });
  });
});

const pairs = databases.flatMap((source) => databases.map((target) => ({ source, target })));

describe.each(pairs)('a backup of $source.name in $target.name', ({ source, target }) => {
  it('brings the chain along, and it goes on there', async () => {
    const from = await sealed(source);
    const backup = file('berth.backup');
    expect((await admin(['backup', backup], settings(from))).code).toBe(0);
    const into = await sealed(target, 1);
    const restored = await admin(['restore', backup, '--replace', '--yes'], settings(into));
    expect(restored).toMatchObject({ code: 0, err: '' });
    await sealAll(into);
    expect(await verify(into)).toMatchObject({ code: 0, out: expect.stringContaining('2001 entries were checked') });
    await withDatabase(into, async (db) => {
      await expect(sql`DELETE FROM audit WHERE id = 5`.execute(db)).rejects.toThrow(/only grows/);
    });
  });
});
