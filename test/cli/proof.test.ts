import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Simulation, startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';
import { ADMIN_PASSWORD, adminOf, type BerthProcess, startProcess } from '../support/processes.ts';
import { freshSqlite } from '../support/test-pool.ts';
import { newPerson, type Person } from './berth.ts';

const WITHIN = { timeout: 60_000, interval: 100 };

/** What `berth` tells of accounts that are gone, of those that are not gone yet, and of what is on a machine. */
describe('berth', { timeout: 120_000 }, () => {
  let simulation: Simulation;
  let database: ReturnType<typeof freshSqlite>;
  let server: BerthProcess;
  let call: Awaited<ReturnType<typeof adminOf>>;
  let person: Person;

  beforeAll(async () => {
    simulation = await startSimulatedMachines({ count: 1, password: 'root password' });
    database = freshSqlite();
    server = await startProcess('src/standalone.ts', database.database);
    call = await adminOf(server.address);
    for (const { name, host, port, user, password } of simulation.machines) {
      expect((await call('POST', '/machines', { name, host, port, user, password })).status).toBe(201);
    }
    person = newPerson();
    const words = ['login', '--server', server.address, '--user', 'admin', '--password-stdin'];
    expect(await person.berth(words, `${ADMIN_PASSWORD}\n`)).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    person?.leave();
    await server?.stop();
    database?.remove();
    await simulation?.close();
  });
  beforeEach(async () => {
    await expect.poll(free, WITHIN).toBe(1);
  });
  const free = async () => (await call('GET', '/available')).body.available.length;
  const machine = () => {
    const [first] = simulation.machines;
    if (!first) throw new Error('there is a machine');
    return first;
  };

  it('shows what became of the accounts of a reservation', async () => {
    const { reservation_id: id } = (await person.berth(['reserve', '1', '--as', 'borrower', '--json'])).json();
    machine().faults.refuse = true;
    machine().dropConnections();
    await person.berth(['release', id]);
    const stuck = async () => (await person.berth(['show', id.slice(0, 8)])).stdout;
    await expect.poll(stuck, WITHIN).toMatch(/cleaning\n {2}simulated-01: .*\n {2}next try {5}20/);
    expect((await person.berth(['list'])).stdout).toMatch(/cleaning.*\(next try 20/);

    machine().faults.refuse = false;
    await expect.poll(free, WITHIN).toBe(1);
    const list = await person.berth(['list', '--ended']);
    expect(list).toMatchObject({ code: 0, stderr: '' });
    expect(list.stdout).toMatch(new RegExp(`${id} +simulated-01 +admin +20.* released +cleaned`));
    expect((await person.berth(['list', '--ended', '--json'])).json().reservations).toHaveLength(1);
    expect(await person.berth(['list', '--ended', '--limit', '0'])).toMatchObject({ code: 2 });

    const shown = await person.berth(['show', id.slice(0, 8)]);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toMatch(/simulated-01 {2}cleaned\n {2}removed {6}20.* to 20.*, at try \d, uid 20000\n/);
    expect(shown.stdout).toMatch(/ {2}sessions {5}0 ended\n {2}processes {4}0 ended\n {2}files {8}0 removed\n/);
    expect(shown.stdout).toContain('  looked for   account gone, sessions gone\n');
    expect(await person.berth(['show', '0000'])).toMatchObject({ code: 6 });
  });

  it('compares a machine with what Berth knows, and repairs it', async () => {
    expect(await person.berth(['verify', 'simulated-01'])).toMatchObject({
      code: 0,
      stdout: 'simulated-01 is as it ought to be.\n',
      stderr: '',
    });
    machine().addForeignAccount('somebody');
    machine().leaveAccount('left', 'an-allocation-of-nobody');
    machine().leaveFiles(2);
    const found = await person.berth(['verify', 'simulated-01']);
    expect(found.code).toBe(1);
    expect(found.stdout).toMatch(/^found {5}account left \(uid \d+\) that this Berth does not know\nfound {5}2 files/);
    expect(found.stderr).toContain('is not lent before it is clean');
    expect(await free()).toBe(0);
    expect(await person.berth(['reserve', '1'])).toMatchObject({ code: 4 });

    const repaired = await person.berth(['verify', 'simulated-01', '--repair']);
    expect(repaired).toMatchObject({ code: 0, stderr: '' });
    expect(repaired.stdout).toMatch(
      /^repaired {2}account left .*\nrepaired {2}2 files .*\n.* is as it ought to be\.\n$/,
    );
    expect([...machine().accounts.keys()]).toEqual(['somebody']);
    await expect.poll(free, WITHIN).toBe(1);
    const json = (await person.berth(['verify', 'simulated-01', '--json'])).json();
    expect(json).toMatchObject({ machine: 'simulated-01', clean: true, findings: [], repaired: [], login_keys: 0 });
    expect(await person.berth(['verify', 'no-such-machine'])).toMatchObject({ code: 6 });
  });
});
