import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PasswordRules } from '#core/accounts/password-rules.ts';
import type { Proof } from '#core/accounts/signed-in.ts';
import type { Actor } from '#core/domain/actor.ts';
import { createBackground } from '#core/pool/background.ts';
import { createPool, createUpkeep, type Upkeep } from '#core/pool/create-pool.ts';
import { createTerminals } from '#core/pool/create-terminals.ts';
import type { Pool, ReservationView } from '#core/pool/pool.ts';
import type { Terminals } from '#core/pool/terminals.ts';
import type { Workplace } from '#core/pool/workplace.ts';
import type { Database } from '#core/store/dialect.ts';
import { openStore, type Store } from '#core/store/store.ts';
import { createFakeDriver, type FakeDriver } from './fake-driver.ts';
import { createFakeShells, type FakeShells } from './fake-shells.ts';

/** One process's pool over a database, with machines in memory and a clock that the test moves. */
export interface TestPool {
  readonly pool: Pool;
  readonly upkeep: Upkeep;
  readonly store: Store;
  readonly driver: FakeDriver;
  readonly place: Workplace;
  readonly terminals: Terminals;
  /** Shells on the machines in memory. */
  readonly shells: FakeShells;
  /** Who counts as signed in; everybody until the test says otherwise. */
  stillSignedIn: (proof: Proof) => Promise<boolean>;
  readonly admin: Actor;
  now(): Date;
  /** Moves the clock. */
  pass(seconds: number): void;
  /** Registers machines m1..mN and brings them to `ready`. */
  addMachines(count: number, labels?: string[]): Promise<void>;
  /** Ends and cleans everything, forgets all machines, and registers `count` new ones. */
  startAfresh(count: number): Promise<void>;
  /** Reserves and waits until it is settled. */
  reserve(actor: Actor, count: number, more?: object): Promise<ReservationView>;
  /** Runs rounds of upkeep until nothing is left to do at this time. */
  settle(): Promise<void>;
  /** A second process on the same database and machines. */
  another(): TestPool;
  close(): Promise<void>;
}

export function user(name: string): Actor & { kind: 'user' } {
  return { kind: 'user', id: `id-of-${name}`, name, role: 'user' };
}

/** Password rules that are not enforced, so that tests may use short ones. */
export const LENIENT: PasswordRules = { minLength: 12, enforced: false };

export const ADMIN: Actor & { kind: 'user' } = { kind: 'user', id: 'id-of-admin', name: 'admin', role: 'admin' };

/** A new SQLite file in a folder of its own. */
export function freshSqlite(): { database: Database; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'berth-test-'));
  return {
    database: { dialect: 'sqlite', file: join(folder, 'berth.sqlite') },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** With users to act as, unless there are any or `callers` is false. */
export async function openTestPool(
  database: Database,
  driver = createFakeDriver(),
  callers = true,
  terminal = true,
): Promise<TestPool> {
  const store = await openStore({
    database,
    secretKey: Buffer.alloc(32, 7),
    connectRetries: 0,
    connectRetrySeconds: 0,
  });
  const time = { now: Date.UTC(2026, 0, 1) };
  if (callers && (await store.tables.users.count()) === 0) await addCallers(store);
  const admin = await store.tables.users.byName(ADMIN.name);
  return testPool(store, driver, time, true, admin ? { ...ADMIN, id: admin.id } : ADMIN, terminal);
}

/** The users that tests of the pool act as. */
async function addCallers(store: Store): Promise<void> {
  const callers = Array.from({ length: 64 }, (_, caller) => user(`caller${caller}`));
  for (const { id, name, role } of [ADMIN, user('alice'), user('bob'), user('dave'), ...callers]) {
    await store.tables.users.insert({
      id,
      username: name,
      passwordHash: 'none',
      role,
      disabled: false,
      tokenVersion: 0,
      service: false,
      createdAt: new Date(0),
    });
  }
}

function testPool(
  store: Store,
  driver: FakeDriver,
  time: { now: number },
  owner: boolean,
  admin: Actor,
  terminal = true,
): TestPool {
  const quiet = { info() {}, warn() {}, error: (facts: object, message: string) => console.error(message, facts) };
  const place: Workplace = {
    store,
    driver,
    clock: () => new Date(time.now),
    workerId: randomUUID(),
    background: createBackground(32),
    passwords: { make: () => 'made-password', hash: async (password) => `$6$${password}` },
    log: quiet,
    closeTerminals: (allocationId) => terminals.endOf(allocationId),
  };
  const shells = createFakeShells();
  const terminals = createTerminals(place, {
    enabled: terminal,
    shells,
    stillSignedIn: (proof) => self.stillSignedIn(proof),
  });
  const pool = createPool(place);
  const upkeep = createUpkeep(place);
  let machines = 0;
  const self: TestPool = {
    pool,
    upkeep,
    store,
    driver,
    place,
    terminals,
    shells,
    stillSignedIn: async () => true,
    admin,
    now: () => new Date(time.now),
    pass(seconds) {
      time.now += seconds * 1000;
    },
    async addMachines(count, labels = []) {
      for (let i = 0; i < count; i++) {
        machines += 1;
        const name = `m${machines}`;
        const machine = { name, host: `10.0.${machines >> 8}.${machines & 255}`, port: 22, user: 'root', labels };
        await pool.registerMachine(
          ADMIN,
          { ...machine, credential: { kind: 'password', password: 'test' } },
          self.now(),
        );
      }
      await self.settle();
    },
    async startAfresh(count) {
      driver.faults.clear();
      driver.hook = null;
      await pool.releaseAll(ADMIN, self.now());
      for (let i = 0; i < 6; i++) {
        self.pass(400);
        await self.settle();
      }
      for (const { name } of await pool.listMachines()) await pool.deleteMachine(ADMIN, name, self.now());
      driver.accounts.clear();
      machines = 0;
      await self.addMachines(count);
    },
    async reserve(actor, count, more = {}) {
      const answer = await pool.reserve(actor, { count, minutes: 60, password: 'test', ...more }, self.now());
      return await answer.settled;
    },
    async settle() {
      await place.background.idle();
      await upkeep.expireDue(self.now());
      await upkeep.resumePreparations(self.now());
      await upkeep.resumeCleanings(self.now());
      await upkeep.checkDueMachines(self.now());
      await place.background.idle();
    },
    another: () => testPool(store, driver, time, false, admin),
    async close() {
      await terminals.close();
      await place.background.drain(5_000);
      if (owner) await store.close();
    },
  };
  return self;
}
