import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hashAccountPassword } from '#core/access/account-password.ts';
import type { AccessDriver, AccessError, MachineAccess } from '#core/access/driver.ts';
import {
  type SimulatedMachine,
  type Simulation,
  startSimulatedMachines,
} from '#core/access/simulated/simulated-machines.ts';
import { createSshDriver } from '#core/access/ssh/ssh-driver.ts';
import { closed, logIn, run } from './simulated-client.ts';

let simulation: Simulation;
let simulated: SimulatedMachine;
let machine: MachineAccess;
let driver: AccessDriver;

beforeEach(async () => {
  simulation = await startSimulatedMachines({ count: 20, password: 'only-for-this-test' });
  simulated = simulation.machines[0] as SimulatedMachine;
  machine = accessTo(simulated);
  driver = createSshDriver({ connectLimitMs: 1_000, scriptLimitMs: 1_000 });
});
afterEach(async () => {
  await driver.close();
  await simulation.close();
});

const alice = {
  allocationId: 'alloc-1',
  generation: 1,
  accountName: 'alice',
  passwordHash: hashAccountPassword('correct horse'),
  authorizedKeys: [],
};

test('the SSH driver takes simulated machines for real ones', async () => {
  const report = await driver.probe({ ...machine, hostKey: null });
  expect(report).toMatchObject({ hostKey: simulated.hostKey, operatingSystem: 'Simulated by Berth' });
  expect(Math.abs(report.clockSkewSeconds)).toBeLessThan(5);
  const made = { uid: 20_000, hostKey: simulated.hostKey };
  expect(await driver.createAccount(machine, alice)).toEqual(made);
  expect(await driver.createAccount(machine, alice)).toEqual(made);
  const person = await logIn(simulated, { username: 'alice', password: 'correct horse' });
  expect((await run(person, 'whoami')).output).toBe('alice\n');
  const away = closed(person);
  const removal = await driver.removeAccount(machine, alice);
  expect(removal).toMatchObject({
    outcome: 'removed',
    uid: 20_000,
    processesEnded: 1,
    sessionsEnded: 1,
    filesRemoved: 0,
    checked: ['account', 'sessions'],
  });
  await away;
  expect(await driver.removeAccount(machine, alice)).toEqual(removal);
  await expect(driver.createAccount(machine, alice)).rejects.toMatchObject({ code: 'fenced_off' });
});

test('twenty machines side by side', async () => {
  await Promise.all(simulation.machines.map((one) => driver.createAccount(accessTo(one), alice)));
  expect(simulation.machines.every((one) => one.accounts.get('alice')?.allocationId === 'alloc-1')).toBe(true);
  const reports = await Promise.all(simulation.machines.map((one) => driver.removeAccount(accessTo(one), alice)));
  expect(reports.every((report) => report.outcome === 'removed')).toBe(true);
  expect(simulation.machines.some((one) => one.everOverlapped || one.accounts.size > 0)).toBe(false);
});

test('an account that is not ours stays', async () => {
  simulated.addForeignAccount('alice');
  await expect(driver.createAccount(machine, alice)).rejects.toMatchObject({ code: 'account_exists' });
  expect(await driver.removeAccount(machine, alice)).toMatchObject({ outcome: 'foreign' });
  expect(simulated.accounts.get('alice')?.allocationId).toBeNull();
});

describe('each fault reaches the driver as the failure that it stands for', () => {
  test.each<[string, () => void, AccessError['code']]>([
    ['refuse', () => Object.assign(simulated.faults, { refuse: true }), 'unreachable'],
    ['hang', () => Object.assign(simulated.faults, { hang: true }), 'timed_out'],
    ['slow', () => Object.assign(simulated.faults, { slowMs: 60_000 }), 'timed_out'],
    ['wrong host key', () => Object.assign(simulated.faults, { wrongHostKey: true }), 'host_key_changed'],
    ['wrong password', () => Object.assign(simulated.faults, { wrongPassword: true }), 'login_refused'],
    ['disk full', () => Object.assign(simulated.faults, { diskFull: true }), 'disk_full'],
    ['endless output', () => Object.assign(simulated.faults, { endlessOutput: true }), 'bad_answer'],
    ['drop in mid-script', () => Object.assign(simulated.faults, { dropInScript: 'after' }), 'unreachable'],
  ])('%s', async (_name, dial, code) => {
    dial();
    await expect(driver.createAccount(machine, alice)).rejects.toMatchObject({ name: 'AccessError', code });
  });

  test('a machine that lost its connections is reached again at once', async () => {
    await driver.createAccount(machine, alice);
    simulated.dropConnections();
    expect(await driver.removeAccount(machine, alice)).toMatchObject({ outcome: 'removed' });
  });

  test('an answer that was lost is told again when the order is repeated', async () => {
    await driver.probe(machine);
    simulated.faults.dropInScript = 'after';
    await expect(driver.createAccount(machine, alice)).rejects.toMatchObject({ name: 'AccessError' });
    simulated.faults.dropInScript = null;
    expect(await driver.createAccount(machine, alice)).toMatchObject({ uid: 20_000 });
  });
});

function accessTo(one: SimulatedMachine): MachineAccess {
  return {
    id: one.name,
    name: one.name,
    host: one.host,
    port: one.port,
    user: one.user,
    credential: { kind: 'password', password: one.password },
    hostKey: one.hostKey,
  };
}
