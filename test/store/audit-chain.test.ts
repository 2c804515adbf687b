import { type Kysely, sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuditKeeper } from '#core/pool/keep-audit.ts';
import { liftAuditGuards } from '#core/store/audit-guards.ts';
import { type VerifyOptions, verifyAudit } from '#core/store/audit-verify.ts';
import type { Database } from '#core/store/dialect.ts';
import { withDatabase } from '#core/store/handle.ts';
import type { Schema } from '#core/store/schema.ts';
import { createSeal } from '#core/store/seal.ts';
import { openStore, type Store } from '#core/store/store.ts';
import { databases } from '../support/databases.ts';
import { openTestPool } from '../support/test-pool.ts';

const KEY = Buffer.alloc(32, 7);
const NOW = new Date(Date.UTC(2026, 5, 1));
const later = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000);
const DAY = 86_400;

describe.each(databases)('the audit chain on $name', ({ fresh }) => {
  let database: Database;
  let store: Store;
  const ends: (() => unknown)[] = [];
  beforeEach(async () => {
    const made = await fresh();
    database = made.database;
    ends.push(made.remove);
    store = await open();
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function open(): Promise<Store> {
    const opened = await openStore({ database, secretKey: KEY, connectRetries: 0, connectRetrySeconds: 0 });
    ends.push(() => opened.close());
    return opened;
  }

  /** Another process's: two connections to one SQLite file in one process would wait for each other. */
  const another = async (): Promise<Store> => (database.dialect === 'sqlite' ? store : await open());

  const keeperOf = (store: Store, auditRetentionDays: number | null = null) =>
    createAuditKeeper({ store, auditRetentionDays, log: { info() {} } } as unknown as Parameters<
      typeof createAuditKeeper
    >[0]);

  async function add(count: number, at: Date = NOW): Promise<void> {
    const records = Array.from({ length: count }, (_, i) => ({
      at,
      actor: 'alice',
      action: 'test.made',
      subject: `thing-${i}`,
      details: { before: i, after: '🚢 "quoted" \\ \n' },
      origin: i % 2 ? null : { address: '192.0.2.1', sessionId: null, apiToken: 'ci' },
    }));
    for (let i = 0; i < count; i += 500) await store.tables.audit.add(...records.slice(i, i + 500));
  }

  const verify = async (options: Partial<VerifyOptions> = {}) =>
    await verifyAudit(database, createSeal(KEY), { noted: null, now: NOW, ...options });
  const problems = async (options: Partial<VerifyOptions> = {}) =>
    (await verify(options)).problems.map(({ kind, message }) => `${kind}: ${message}`);

  /** As somebody with all rights on the database does it. */
  async function tamper(work: (db: Kysely<Schema>) => Promise<unknown>): Promise<void> {
    await withDatabase(database, (db) =>
      db.connection().execute(async (connection) => {
        await liftAuditGuards(connection, database.dialect);
        await work(connection);
      }),
    );
  }

  async function sealed(count = 10): Promise<{ ids: number[]; head: { seq: number; hash: string } }> {
    await add(count);
    await keeperOf(store).seal(NOW);
    const rows = await store.tables.audit.after(0, count);
    return { ids: rows.map(({ id }) => id), head: (await verify()).head };
  }

  it('has every row in it once, and is whole', async () => {
    await sealed(1_203);
    await add(2);
    expect(await verify()).toMatchObject({ problems: [], checked: 1_203, waiting: 2, head: { seq: 1_203 } });
    await keeperOf(store).seal(NOW);
    expect(await verify()).toMatchObject({ problems: [], checked: 1_205, waiting: 0 });
  });

  it('is there for changes of every kind that the pool makes, with where they came from', async () => {
    const pool = await openTestPool(database);
    ends.push(() => pool.close());
    await pool.addMachines(2);
    const origin = { address: '192.0.2.7', sessionId: '11111111-1111-4111-8111-111111111111', apiToken: null };
    const { id } = await pool.reserve({ ...pool.admin, origin } as typeof pool.admin, 1);
    await pool.pool.release(pool.admin, id, pool.now());
    await pool.settle();
    await pool.upkeep.sealAudit(pool.now());
    expect(await verify({ now: pool.now() })).toMatchObject({ problems: [], waiting: 0 });
    const [entry] = await pool.pool.listAudit({ address: '192.0.2.7', sessionId: origin.sessionId, limit: 5 });
    expect(entry).toMatchObject({ action: 'reservation.made', origin });
  });

  it('refuses changes and deletions of rows in the database itself', async () => {
    const { ids } = await sealed();
    await withDatabase(database, async (db) => {
      for (const statement of [
        sql`UPDATE audit SET actor = 'bob' WHERE id = ${ids[3]}`,
        sql`DELETE FROM audit WHERE id = ${ids[3]}`,
        sql`UPDATE audit_chain SET audit_id = 999999 WHERE seq = 3`,
        sql`DELETE FROM audit_chain WHERE seq = 10`,
        sql`DELETE FROM audit_seal`,
      ]) {
        await expect(statement.execute(db)).rejects.toThrow(/only grows/);
      }
    });
    expect(await problems()).toEqual([]);
  });

  it('finds and names rows that were altered', async () => {
    const { ids } = await sealed();
    for (const [i, change] of [
      sql`actor = 'bob'`,
      sql`details = '{}'`,
      sql`address = NULL`,
      sql`at = at + 1`,
      sql`api_token = 'x'`,
    ].entries()) {
      await tamper((db) => sql`UPDATE audit SET ${change} WHERE id = ${ids[i * 2]}`.execute(db));
    }
    expect(await problems()).toEqual(
      [0, 2, 4, 6, 8].map((i) => `altered: audit row ${ids[i]} (entry ${i + 1}) was altered`),
    );
  });

  it('finds a row that was removed, also with its entry in the chain', async () => {
    const { ids } = await sealed();
    await tamper((db) => sql`DELETE FROM audit WHERE id = ${ids[2]}`.execute(db));
    expect(await problems()).toEqual([`removed: audit row ${ids[2]} (entry 3) was removed`]);
    await tamper((db) => sql`DELETE FROM audit_chain WHERE seq = 3`.execute(db));
    expect(await problems()).toEqual(['removed: entries 3 to 3 of the chain were removed, so 4 cannot be checked']);
  });

  it('finds that the last rows were removed, unless the head is put back from an old copy, which a noted head finds', async () => {
    await sealed();
    const old = await withDatabase(database, (db) => db.selectFrom('audit_seal').selectAll().executeTakeFirstOrThrow());
    await add(3);
    await keeperOf(store).seal(NOW);
    const { head } = await verify();
    await tamper(async (db) => {
      await sql`DELETE FROM audit WHERE id > ${old.head_audit_id}`.execute(db);
      await sql`DELETE FROM audit_chain WHERE seq > 10`.execute(db);
    });
    expect(await problems()).toEqual(['removed: the last 3 entries of the chain were removed']);
    await tamper((db) => sql`UPDATE audit_seal SET head_seq = 10, head_hash = ${old.head_hash}`.execute(db));
    expect(await problems()).toEqual(['chain: the head of the chain was altered']);
    await tamper((db) => sql`UPDATE audit_seal SET head_mac = ${old.head_mac}`.execute(db));
    expect(await problems()).toEqual([]);
    expect(await problems({ noted: head })).toEqual([
      'removed: the noted head is entry 13, and the chain ends with 10',
    ]);
    expect(await problems({ noted: { seq: 10, hash: old.head_hash } })).toEqual([]);
    expect(await problems({ noted: { seq: 10, hash: head.hash } })).toEqual([
      'altered: entry 10 is not the noted one: the chain was made anew',
    ]);
  });

  it('is not continued once its end was taken away, which would vouch for what is left', async () => {
    await sealed(20);
    await tamper(async (db) => {
      await sql`UPDATE audit SET actor = 'mallory' WHERE id = 3`.execute(db);
      await sql`DELETE FROM audit_chain WHERE seq >= 3`.execute(db);
    });
    const wrong = 'the last entries of the chain were removed or altered';
    await expect(keeperOf(store).seal(later(60))).rejects.toThrow(wrong);
    // With a head that fits, without the key.
    await tamper((db) =>
      sql`UPDATE audit_seal SET head_seq = 2, head_audit_id = 2, head_hash = (SELECT hash FROM audit_chain WHERE seq = 2)`.execute(
        db,
      ),
    );
    await expect(keeperOf(store).seal(later(60))).rejects.toThrow('the head of the chain was altered');
    await add(1, later(60));
    await expect(keeperOf(store).seal(later(DAY))).rejects.toThrow('the head of the chain was altered');
    expect(await problems({ now: later(DAY) })).toContain('chain: the head of the chain was altered');
  });

  it('finds rows that were put in each other’s place', async () => {
    const { ids } = await sealed();
    const [one, other] = [ids[1] as number, ids[6] as number];
    await tamper(async (db) => {
      await sql`UPDATE audit SET id = -1 WHERE id = ${one}`.execute(db);
      await sql`UPDATE audit SET id = ${one} WHERE id = ${other}`.execute(db);
      await sql`UPDATE audit SET id = ${other} WHERE id = -1`.execute(db);
    });
    expect(await problems()).toEqual([`reordered: audit rows ${one} and ${other} were put in each other's place`]);
  });

  it('finds a row that was put in between later, which no scheduler seals', async () => {
    const { ids } = await sealed();
    const gap = (ids.at(-1) as number) + 1;
    await tamper((db) => sql`DELETE FROM audit WHERE id >= ${gap}`.execute(db));
    await tamper((db) =>
      sql`INSERT INTO audit (id, at, actor, action, subject, details) VALUES (${gap + 1_000}, ${NOW.getTime()}, 'a', 'b', 'c', '{}')`.execute(
        db,
      ),
    );
    await keeperOf(store).seal(NOW);
    await add(1, later(DAY));
    await keeperOf(store).seal(later(DAY));
    // Far below the rows that were sealed a day ago.
    await tamper((db) =>
      sql`INSERT INTO audit (id, at, actor, action, subject, details) VALUES (${gap}, ${NOW.getTime()}, 'a', 'b', 'c', '{}')`.execute(
        db,
      ),
    );
    await keeperOf(store).seal(later(2 * DAY));
    expect(await problems({ now: later(2 * DAY) })).toEqual([
      `inserted: audit row ${gap} was put in after the rows around it were sealed`,
    ]);
  });

  it('says when rows are not sealed for long', async () => {
    await sealed();
    await add(2);
    expect(await problems({ now: later(30) })).toEqual([]);
    expect(await problems({ now: later(90) })).toEqual([
      'unsealed: 2 rows have waited for more than a minute to be sealed; is a scheduler at work?',
    ]);
    expect(await store.tables.auditChain.oldestUnsealed('near', NOW)).toEqual(NOW);
  });

  it('finds that the key and head of the chain were removed, and is not begun anew', async () => {
    await sealed();
    await tamper((db) => sql`DELETE FROM audit_seal`.execute(db));
    expect(await problems()).toEqual(['chain: the key and the head of the chain were removed']);
    await expect(keeperOf(store).seal(NOW)).rejects.toThrow(/audit_seal/);
  });

  it('is added to by two schedulers at once while others write, each row once', async () => {
    const keepers = [keeperOf(store), keeperOf(await another()), keeperOf(await another())];
    let writing = true;
    const writers = Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let i = 0; i < 100; i++) await add(1);
      }),
    ).finally(() => {
      writing = false;
    });
    await Promise.all(
      keepers.map(async (keeper) => {
        while (writing) await keeper.seal(NOW);
        await keeper.seal(NOW);
      }),
    );
    await writers;
    await keepers[0]?.seal(later(31));
    expect(await verify()).toMatchObject({ problems: [], checked: 400, waiting: 0, head: { seq: 400 } });
  });

  it('also takes in a row whose transaction ends after later ones were sealed', async () => {
    await add(3);
    await withDatabase(database, async (db) => {
      // As if an id was given out long before.
      await sql`INSERT INTO audit (id, at, actor, action, subject, details) VALUES (5000, ${NOW.getTime()}, 'a', 'b', 'c', '{}')`.execute(
        db,
      );
      const keeper = keeperOf(store);
      await keeper.seal(NOW);
      await sql`INSERT INTO audit (id, at, actor, action, subject, details) VALUES (100, ${NOW.getTime()}, 'a', 'late', 'c', '{}')`.execute(
        db,
      );
      await keeper.seal(later(40));
    });
    expect(await verify({ now: later(40) })).toMatchObject({ problems: [], checked: 5, waiting: 0 });
  });

  it('is whole after a transaction that seals was broken off', async () => {
    await add(20);
    await store.tables.auditChain.start();
    const broken = store.transaction(async (tables) => {
      await tables.auditChain.sealNext('near', 15, NOW);
      throw new Error('broken off');
    });
    await expect(broken).rejects.toThrow('broken off');
    expect(await verify()).toMatchObject({ problems: [], checked: 0, waiting: 20 });
    await keeperOf(store).seal(NOW);
    expect(await verify()).toMatchObject({ problems: [], checked: 20, waiting: 0 });
  });

  describe('with a retention', () => {
    it('loses its old rows, says so in the log, and what is left is whole', async () => {
      await add(2_500);
      const keeper = keeperOf(store, 10);
      await keeper.seal(NOW);
      await add(5, later(5 * DAY));
      await keeper.seal(later(5 * DAY));
      await keeper.prune(later(9 * DAY));
      expect((await store.tables.audit.after(0, 5_000)).length).toBe(2_505);
      await Promise.all([keeper.prune(later(11 * DAY)), keeperOf(await another(), 10).prune(later(11 * DAY))]);
      await keeper.seal(later(11 * DAY));
      const left = await store.tables.audit.after(0, 5_000);
      const gone = left.filter(({ action }) => action === 'audit.pruned');
      expect(gone.reduce((sum, { details }) => sum + Number(details['rows']), 0)).toBe(2_500);
      expect(left.length - gone.length).toBe(5);
      expect(await verify({ now: later(11 * DAY) })).toMatchObject({
        problems: [],
        checked: 5 + gone.length,
        anchor: { seq: 2_500 },
      });
    });

    it('does not delete a row that was altered, nor any after it', async () => {
      const { ids } = await sealed();
      await tamper((db) => sql`UPDATE audit SET actor = 'bob' WHERE id = ${ids[4]}`.execute(db));
      await expect(keeperOf(store, 1).prune(later(3 * DAY))).rejects.toThrow(/entry 5 /);
      expect(await problems()).toEqual([`altered: audit row ${ids[4]} (entry 5) was altered`]);
    });

    it('cannot be pretended by whoever moves the anchor', async () => {
      await sealed();
      await withDatabase(database, async (db) => {
        const fifth = await db.selectFrom('audit_chain').select('hash').where('seq', '=', 5).executeTakeFirstOrThrow();
        await sql`UPDATE audit_seal SET anchor_seq = 5, anchor_hash = ${fifth.hash}`.execute(db);
        await sql`DELETE FROM audit WHERE id IN (SELECT audit_id FROM audit_chain WHERE seq <= 5)`.execute(db);
        await sql`DELETE FROM audit_chain WHERE seq <= 5`.execute(db);
      });
      expect(await problems()).toEqual([
        'chain: the anchor of the chain was altered: rows may have been deleted from its start',
      ]);
    });
  });
});
