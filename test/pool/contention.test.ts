import { createConnection } from 'mysql2/promise';
import { afterEach, describe, expect, it } from 'vitest';
import type { Database } from '#core/store/dialect.ts';
import { databases, onMariadb } from '../support/databases.ts';
import { openTestPool, type TestPool, user } from '../support/test-pool.ts';

const CALLERS = 64;
const MACHINES = 40;

/**
 * 64 callers at once, of several processes' pools, ask for 1 to 4 of 40 machines, three times over; who gets some gives
 * them back. Answers what went wrong, as the database and the machines saw it.
 */
async function contend(database: Database): Promise<{
  doubled: string[];
  short: number;
  errors: unknown[];
  won: number;
  free: number;
  rest: object;
}> {
  const first = await openTestPool(database);
  const pools = [first, await sibling(database, first), await sibling(database, first)];
  try {
    await first.addMachines(MACHINES);
    const seen = { doubled: [] as string[], short: 0, errors: [] as unknown[], won: 0 };
    const holders = new Map<string, string>();
    const call = async (caller: number): Promise<void> => {
      const { pool } = pools[caller % pools.length] as TestPool;
      const actor = user(`caller${caller}`);
      for (let round = 0; round < 3; round++) {
        const count = 1 + ((caller + round) % 4);
        try {
          const answer = await pool.reserve(actor, { count, minutes: 60, password: 'test' }, first.now());
          const { machines } = answer.reservation;
          if (machines.length !== count) seen.short += 1;
          for (const { machine } of machines) {
            if (holders.has(machine)) seen.doubled.push(machine);
            holders.set(machine, actor.name);
          }
          await answer.settled;
          seen.won += 1;
          for (const { machine } of machines) holders.delete(machine);
          await pool.release(actor, answer.reservation.id, first.now());
        } catch (error) {
          if ((error as { code?: string }).code !== 'not_enough_machines') seen.errors.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, (_, caller) => call(caller)));
    for (const one of pools) await one.place.background.idle();
    await first.settle();
    seen.doubled.push(...first.driver.doubled);
    const { available, ...rest } = await first.pool.available();
    const { reservationsByState } = await first.pool.stock(first.now());
    return { ...seen, free: available.length, rest: { ...rest, ...reservationsByState } };
  } finally {
    for (const one of pools.reverse()) await one.close();
  }
}

/** A second process's pool. On SQLite it shares the connection: two in one process would wait for each other without end. */
async function sibling(database: Database, first: TestPool): Promise<TestPool> {
  return database.dialect === 'sqlite' ? first.another() : await openTestPool(database, first.driver);
}

describe.each(databases)('64 callers at once on $name', ({ fresh }) => {
  let remove = async (): Promise<void> => undefined;
  afterEach(() => remove());

  it('lends no machine twice, and gives nobody fewer than asked', { timeout: 60_000 }, async () => {
    const made = await fresh();
    remove = made.remove;
    const { doubled, short, errors, won, free, rest } = await contend(made.database);
    expect({ doubled, short, errors }).toEqual({ doubled: [], short: 0, errors: [] });
    expect(rest).toEqual({ reserved: [], cleaning: [], unavailable: [], preparing: 0, active: 0, ending: 0 });
    expect(free).toBe(MACHINES);
    expect(won).toBeGreaterThan(10);
  });
});

function connectionOptions(database: Database): object {
  const { dialect: _, ...options } = database;
  return options;
}

describe.each(onMariadb)('without the unique index on $name', ({ fresh }) => {
  let remove = async (): Promise<void> => undefined;
  afterEach(() => remove());

  it('the same callers do get machines twice, so the test above can fail', { timeout: 60_000 }, async () => {
    const made = await fresh();
    remove = made.remove;
    const opened = await openTestPool(made.database);
    await opened.close();
    const connection = await createConnection(connectionOptions(made.database));
    await connection.query('ALTER TABLE allocations DROP INDEX allocations_one_open');
    await connection.end();
    const { doubled } = await contend(made.database);
    expect(doubled.length).toBeGreaterThan(0);
  });
});
