import { afterEach, describe, expect, it } from 'vitest';
import { type Simulation, startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';
import { databases } from '../support/databases.ts';
import { adminOf, type BerthProcess, startProcess } from '../support/processes.ts';

const WITHIN = { timeout: 60_000, interval: 200 };

/** Real processes over simulated machines: what a process leaves behind when it is killed is put in order by the others. */
describe.each(databases)('processes killed with SIGKILL on $name', ({ fresh }) => {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function start(count: number) {
    const { database, remove } = await fresh();
    ends.push(remove);
    const machines: Simulation = await startSimulatedMachines({ count, password: 'test' });
    ends.push(() => machines.close());
    const run = async (entry: Parameters<typeof startProcess>[0]): Promise<BerthProcess> => {
      const started = await startProcess(entry, database);
      ends.push(() => started.kill());
      return started;
    };
    const api = await run('src/api/main.ts');
    const call = await adminOf(api.address);
    for (const { name, host, port, user, password } of machines.machines) {
      expect((await call('POST', '/machines', { name, host, port, user, password })).status).toBe(201);
    }
    await expect.poll(async () => (await call('GET', '/available')).body.available.length, WITHIN).toBe(count);
    return { machines: machines.machines, run, api, call };
  }

  it('the API, at three points of a reservation: it becomes active all the same', { timeout: 120_000 }, async () => {
    const { machines, run, api, call } = await start(6);
    const [first, second] = machines as [(typeof machines)[0], (typeof machines)[0]];
    const reserve = (names: string[]) =>
      call('POST', '/reservations?wait=60', {
        count: names.length,
        machines: names,
        reservation_password: 'test',
      }).catch(() => 'no answer');
    // Claimed, and nothing made yet; one of two made; both made, and not answered.
    for (const machine of machines) machine.faults.slowMs = 3_000;
    first.faults.slowMs = 0;
    const answers = [reserve([machines[2]?.name as string]), reserve([first.name, second.name])];
    await expect.poll(() => first.accounts.size, WITHIN).toBe(1);
    expect(second.accounts.size).toBe(0);
    expect(machines[2]?.accounts.size).toBe(0);
    await api.kill();
    expect(await Promise.all(answers)).toEqual(['no answer', 'no answer']);
    for (const machine of machines) machine.faults.slowMs = 0;

    await run('src/scheduler/main.ts');
    const next = await adminOf((await run('src/api/main.ts')).address);
    const states = async () => {
      const { reservations } = (await next('GET', '/reservations')).body;
      return reservations.map((one: { state: string }) => one.state);
    };
    await expect.poll(states, WITHIN).toEqual(['active', 'active', 'active']);
    expect([first, second, machines[2]].map((machine) => machine?.accounts.size)).toEqual([1, 1, 1]);
    await next('POST', '/release_all');
    await expect.poll(async () => (await next('GET', '/available')).body.available.length, WITHIN).toBe(6);
    expect(machines.map((machine) => [machine.accounts.size, machine.everOverlapped])).toEqual(
      machines.map(() => [0, false]),
    );
  });

  it('the API and then a scheduler in the middle of cleaning: the next one finishes', {
    timeout: 120_000,
  }, async () => {
    const { machines, run, api, call } = await start(2);
    const made = await call('GET', '/reserve?count=2&reservation_password=test');
    expect(made.status).toBe(200);
    for (const machine of machines) machine.faults.slowMs = 60_000;
    expect((await call('GET', '/release_all')).body.released).toBe(1);
    await api.kill();
    const scheduler = await run('src/scheduler/main.ts');
    const next = await adminOf((await run('src/api/main.ts')).address);
    expect((await next('GET', '/available')).body.cleaning).toHaveLength(2);
    await scheduler.kill();
    for (const machine of machines) {
      machine.faults.slowMs = 0;
      machine.dropConnections();
    }
    await run('src/scheduler/main.ts');
    await expect.poll(async () => (await next('GET', '/available')).body.available.length, WITHIN).toBe(2);
    expect(machines.map((machine) => machine.accounts.size)).toEqual([0, 0]);
    const audit = (await next('GET', '/audit?action=machine.cleaned')).body.entries;
    expect(audit).toHaveLength(2);
  });

  it('SIGTERM lets a reservation that is being made finish, and ends with code 0', { timeout: 60_000 }, async () => {
    const { machines, api, call } = await start(1);
    for (const machine of machines) machine.faults.slowMs = 1_500;
    const answer = call('GET', '/reserve?count=1&reservation_password=test');
    await expect.poll(async () => (await call('GET', '/available')).body.reserved.length, WITHIN).toBe(1);
    expect(await api.stop()).toBe(0);
    expect((await answer).status).toBe(200);
    expect(machines[0]?.accounts.size).toBe(1);
  });
});
