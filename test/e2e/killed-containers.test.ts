import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '#core/store/dialect.ts';
import { onMariadb } from '../support/databases.ts';
import { dockerAvailable, ensureLabImages, type LabMachine, startMachine } from '../support/docker-lab.ts';
import { adminOf, type BerthProcess, startProcess } from '../support/processes.ts';

/** What the issue of a crash allows: everything is back in order within this time. */
const WITHIN = { timeout: 60_000, interval: 200 };

type Call = Awaited<ReturnType<typeof adminOf>>;
type MariaDb = Database & { dialect: 'mariadb' };

/** Real processes, MariaDB, and containers with OpenSSH and dropbear; each point of a crash is held open until it is hit. */
describe.skipIf(!dockerAvailable()).each(onMariadb)('processes killed over containers, on $name', ({ fresh }) => {
  let machines: [LabMachine, LabMachine];
  let database: MariaDb;
  let remove: () => Promise<void>;
  const running: BerthProcess[] = [];
  let api: BerthProcess;
  let call: Call;

  beforeAll(async () => {
    await ensureLabImages();
    machines = await Promise.all([startMachine('debian'), startMachine('busybox')]);
    const made = await fresh();
    database = made.database as MariaDb;
    remove = made.remove;
    await startApi();
    for (const { name, host, port, user, password } of machines) {
      expect((await call('POST', '/machines', { name, host, port, user, password })).status).toBe(201);
    }
  });
  afterAll(async () => {
    for (const one of running) await one.kill();
    await remove();
    await Promise.all(machines.map((machine) => machine.remove()));
  });
  beforeEach(async () => {
    await expect.poll(async () => (await call('GET', '/available')).body.available.length, WITHIN).toBe(2);
  });

  async function run(entry: Parameters<typeof startProcess>[0]): Promise<BerthProcess> {
    const started = await startProcess(entry, database);
    running.push(started);
    return started;
  }
  async function startApi(): Promise<void> {
    api = await run('src/api/main.ts');
    call = await adminOf(api.address);
  }
  /** Asks for both machines; the caller will get no answer. */
  const reserveBoth = (username: string): Promise<unknown> =>
    call('GET', `/reserve?count=2&reservation_password=test&username=${username}`).catch(() => 'no answer');
  const hasAccount = async (machine: LabMachine, name: string): Promise<boolean> =>
    (await machine.exec('cut -d: -f1 /etc/passwd')).split('\n').includes(name);
  const state = async (): Promise<string[]> =>
    (await call('GET', '/reservations')).body.reservations.map((one: { state: string }) => one.state);

  /** Another API and a scheduler take over: the reservation is whole, and goes without a trace when it is released. */
  async function inOrderAgain(username: string): Promise<void> {
    await startApi();
    const scheduler = await run('src/scheduler/main.ts');
    await expect.poll(state, WITHIN).toEqual(['active', 'active']);
    for (const machine of machines) expect(await hasAccount(machine, username)).toBe(true);
    await call('POST', '/release_all');
    await expect.poll(async () => (await call('GET', '/available')).body.available.length, WITHIN).toBe(2);
    for (const machine of machines) expect(await hasAccount(machine, username)).toBe(false);
    await scheduler.kill();
  }

  it('the API, after the claim and before any account', { timeout: 180_000 }, async () => {
    for (const machine of machines) await machine.pause();
    const answer = reserveBoth('crash-one');
    await expect.poll(state, WITHIN).toEqual(['preparing', 'preparing']);
    await api.kill();
    for (const machine of machines) await machine.unpause();
    expect(await answer).toBe('no answer');
    await inOrderAgain('crash-one');
  });

  it('the API, with one of two accounts made', { timeout: 180_000 }, async () => {
    await machines[1].pause();
    const answer = reserveBoth('crash-two');
    await expect.poll(() => hasAccount(machines[0], 'crash-two'), WITHIN).toBe(true);
    await api.kill();
    await machines[1].unpause();
    expect(await hasAccount(machines[1], 'crash-two')).toBe(false);
    expect(await answer).toBe('no answer');
    await inOrderAgain('crash-two');
  });

  it('the API, with both accounts made and nothing answered', { timeout: 180_000 }, async () => {
    // The row of the reservation is locked as soon as it is there, so that it cannot become active.
    const holding = await createConnection(connectionOptions(database));
    await machines[1].pause();
    const answer = reserveBoth('crash-three');
    await expect.poll(state, WITHIN).toEqual(['preparing', 'preparing']);
    await holding.query('START TRANSACTION');
    await holding.query("SELECT id FROM reservations WHERE state = 'preparing' FOR UPDATE");
    await machines[1].unpause();
    for (const machine of machines) await expect.poll(() => hasAccount(machine, 'crash-three'), WITHIN).toBe(true);
    expect(await state()).toEqual(['preparing', 'preparing']);
    await api.kill();
    await holding.end();
    expect(await answer).toBe('no answer');
    await inOrderAgain('crash-three');
  });

  it('the API and a scheduler, in the middle of cleaning', { timeout: 180_000 }, async () => {
    expect(await reserveBoth('crash-four')).toMatchObject({ status: 200 });
    await machines[0].pause();
    await call('POST', '/release_all');
    await expect.poll(() => hasAccount(machines[1], 'crash-four'), WITHIN).toBe(false);
    await api.kill();
    const dying = await run('src/scheduler/main.ts');
    await startApi();
    // The lease of the dead API runs out, and the scheduler is at it.
    await expect.poll(() => leaseOwners(database), WITHIN).toBe(2);
    await dying.kill();
    await machines[0].unpause();
    expect(await hasAccount(machines[0], 'crash-four')).toBe(true);
    const scheduler = await run('src/scheduler/main.ts');
    await expect.poll(async () => (await call('GET', '/available')).body.available.length, WITHIN).toBe(2);
    for (const machine of machines) expect(await hasAccount(machine, 'crash-four')).toBe(false);
    await scheduler.kill();
  });
});

function connectionOptions({ dialect: _, ...options }: MariaDb): Omit<MariaDb, 'dialect'> {
  return options;
}

const owners = new Set<string>();

/** How many workers were seen to hold the lease of a cleaning so far. */
async function leaseOwners(database: MariaDb): Promise<number> {
  const connection = await createConnection(connectionOptions(database));
  const [rows] = await connection.query("SELECT lease_owner AS owner FROM allocations WHERE state = 'cleaning'");
  await connection.end();
  for (const { owner } of rows as { owner: string | null }[]) if (owner) owners.add(owner);
  return owners.size;
}
