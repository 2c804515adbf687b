import { randomUUID } from 'node:crypto';
import type { Actor } from '#core/domain/actor.ts';
import type { Credential } from '#core/domain/machine.ts';
import type { Database } from '#core/store/dialect.ts';
import type { Machine } from '#core/store/machines.ts';
import { openStore, type Store } from '#core/store/store.ts';
import type { User } from '#core/store/users.ts';
import { openAccounts } from '../accounts/test-accounts.ts';
import { openTestPool } from '../support/test-pool.ts';
import { KEY } from './run-admin.ts';

export async function openWith(database: Database, key: Buffer = KEY, oldSecretKeys: Buffer[] = []): Promise<Store> {
  return await openStore({ database, secretKey: key, oldSecretKeys, connectRetries: 0, connectRetrySeconds: 0 });
}

/** Works on a store of the database and closes it. */
export async function onStore<T>(
  database: Database,
  work: (store: Store) => Promise<T>,
  key: Buffer = KEY,
  oldKeys: Buffer[] = [],
): Promise<T> {
  const store = await openWith(database, key, oldKeys);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

export function machine(index: number, credential: Credential = passwordOf(index)): Machine {
  return {
    id: randomUUID(),
    name: `box-${index}`,
    host: `10.1.${index >> 8}.${index & 255}`,
    port: 22,
    user: 'root',
    credential,
    labels: [],
    state: 'disabled',
    reason: null,
    mend: null,
    hostKey: null,
    offeredHostKey: null,
    operatingSystem: null,
    failures: 0,
    generation: 0,
    probedAt: null,
    verifiedAt: null,
    nextVerifyAt: new Date(0),
    findings: [],
    nextProbeAt: new Date(0),
    createdAt: new Date(0),
  };
}

export function passwordOf(index: number): Credential {
  return { kind: 'password', password: `secret-of-box-${index}` };
}

/** Machines whose credentials are sealed with `key`. */
export async function addMachines(database: Database, count: number, key: Buffer = KEY, first = 1): Promise<void> {
  await onStore(
    database,
    (store) =>
      store.transaction(async ({ machines }) => {
        for (let i = first; i < first + count; i++) await machines.insert(machine(i));
      }),
    key,
  );
}

export async function addAudit(database: Database, count: number): Promise<void> {
  const at = new Date();
  await onStore(database, async (store) => {
    for (let i = 0; i < count; i += 1000) {
      const records = Array.from({ length: 1000 }, (_, j) => ({
        at,
        actor: 'scheduler',
        action: 'test.made',
        subject: `${i + j}`,
        details: { id: randomUUID(), text: 'räksmörgås "quoted" \\ back\nslash 🚢' },
      }));
      await store.transaction((tables) => tables.audit.add(...records));
    }
  });
}

/** A bit of everything that Berth stores: users, machines of all kinds, reservations and allocations in every state. */
export async function fill(database: Database): Promise<void> {
  const { store, accounts } = await openAccounts(database);
  const now = new Date(Date.UTC(2026, 0, 1));
  await accounts.seedAdmin('admin', 'admin-password-for-tests', now);
  const actor = { kind: 'user', id: 'x', name: 'admin', role: 'admin' } as const;
  await accounts.createUser(actor, { username: 'alice', password: 'pässwörd 🚢', role: 'user' }, now);
  await accounts.createUser(actor, { username: 'bob', password: 'another password', role: 'user' }, now);
  const actorOf = async (name: string): Promise<Actor> => {
    const { id, username, role } = (await store.tables.users.byName(name)) as User;
    return { kind: 'user', id, name: username, role };
  };
  const [alice, bob] = [await actorOf('alice'), await actorOf('bob')];

  const core = await openTestPool(database);
  await core.addMachines(6, ['gpu', 'ssd']);
  await core.reserve(alice, 2, { machines: ['m1', 'm2'], idempotencyKey: 'once' });
  const over = await core.reserve(bob, 1, { machines: ['m3'] });
  await core.pool.release(core.admin, over.id, core.now());
  await core.settle();
  core.driver.faults.set('m4', { verb: 'remove', code: 'still_dirty' });
  core.driver.faults.set('m6', { code: 'host_key_changed' });
  const stuck = await core.reserve(bob, 1, { machines: ['m4'] });
  await core.pool.release(core.admin, stuck.id, core.now());
  await core.settle();
  core.pass(120);
  await accounts.updateUser(actor, 'alice', { disabled: true }, now);
  await store.close();
  await core.settle();
  await core.store.tables.audit.add({
    at: core.now(),
    actor: 'setup',
    action: 'test.made',
    subject: 'räksmörgås',
    details: { text: '🚢 "quoted" \\ \n\t\u2028', list: [1, null, true, { deep: 1.5 }], big: Number.MAX_SAFE_INTEGER },
  });
  await core.upkeep.beat(core.now());
  await core.close();
}
