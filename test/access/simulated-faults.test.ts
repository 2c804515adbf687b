import { connect } from 'node:net';
import type { Client } from 'ssh2';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type SimulatedMachine,
  type Simulation,
  startSimulatedMachines,
} from '#core/access/simulated/simulated-machines.ts';
import { closed, logInAsRoot, order, run } from './simulated-client.ts';

let simulation: Simulation;
let machine: SimulatedMachine;
let root: Client;
const alice = { allocation: 'alloc-1', generation: 1, account: 'alice' };

beforeEach(async () => {
  simulation = await startSimulatedMachines({ count: 1, password: 'only-for-this-test' });
  machine = simulation.machines[0] as SimulatedMachine;
  root = await logInAsRoot(machine);
});
afterEach(() => simulation.close());

test('refuse: new and kept connections are reset, and all is well again afterwards', async () => {
  machine.faults.refuse = true;
  await expect(logInAsRoot(machine)).rejects.toThrow(/ECONNRESET|before handshake/);
  await expect(order(root, 'probe')).rejects.toThrow();
  machine.faults.refuse = false;
  expect(await order(await logInAsRoot(machine), 'probe')).toContain('berth: done');
});

test('hang: connections are accepted and nothing is ever said', async () => {
  machine.faults.hang = true;
  let said = 0;
  const socket = connect(machine.port, machine.host);
  socket.on('data', (part) => {
    said += part.length;
  });
  const reset = new Promise((resolve) => socket.once('error', resolve));
  await new Promise((resolve) => socket.once('connect', resolve));
  const stuck = order(root, 'probe').then(
    () => 'answered',
    () => 'lost',
  );
  await allArrived(root);
  machine.faults.hang = false;
  expect(await order(root, 'probe')).toContain('berth: done');
  expect(await order(await logInAsRoot(machine), 'probe')).toContain('berth: done');
  machine.dropConnections();
  expect(await stuck).toBe('lost');
  await reset;
  expect(said).toBe(0);
});

test('slow: a script takes its time and is carried out even if the caller leaves', async () => {
  machine.faults.slowMs = 500;
  const began = performance.now();
  expect(await order(root, 'probe')).toContain('berth: done');
  expect(performance.now() - began).toBeGreaterThanOrEqual(490);
  const created = expect(order(root, 'create-account', alice)).rejects.toThrow();
  await allArrived(root);
  root.destroy();
  await created;
  expect(machine.accounts.size).toBe(0);
  await expect.poll(() => machine.accounts.has('alice')).toBe(true);
});

test('wrong host key: another key is offered', async () => {
  machine.faults.wrongHostKey = true;
  await expect(logInAsRoot(machine)).rejects.toThrow(/Host denied/);
  machine.faults.wrongHostKey = false;
  (await logInAsRoot(machine)).end();
});

test('wrong password: root is not let in', async () => {
  machine.faults.wrongPassword = true;
  await expect(logInAsRoot(machine)).rejects.toThrow(/authentication methods failed/);
});

test.each([
  ['before', false],
  ['after', true],
] as const)('drop in mid-script %s its work: no answer, account made: %s', async (when, made) => {
  machine.faults.dropInScript = when;
  const ends = closed(root);
  await expect(order(root, 'create-account', alice)).rejects.toThrow();
  await ends;
  expect(machine.accounts.has('alice')).toBe(made);
});

test('disk full: nothing is created, but removed', async () => {
  await order(root, 'create-account', alice);
  machine.faults.diskFull = true;
  expect((await order(root, 'probe'))[0]).toMatch(/^berth: failed disk_full /);
  const bob = { allocation: 'alloc-2', generation: 2, account: 'bob' };
  expect(await order(root, 'remove-account', alice)).toContain('berth: outcome removed');
  expect((await order(root, 'create-account', bob))[0]).toMatch(/^berth: failed disk_full /);
  expect(machine.accounts.size).toBe(0);
});

test('endless output: it comes as long as it is read, and ends with the channel', async () => {
  machine.faults.endlessOutput = true;
  const read = await new Promise<number>((resolve, reject) => {
    root.exec("sh -c '# berth probe 1\n'", (error, channel) => {
      if (error) return reject(error);
      let total = 0;
      channel.on('data', (part: Buffer) => {
        total += part.length;
        // More than the window of a channel, so that the pauses for a slow reader are gone through as well.
        if (total > 6 * 1024 * 1024) channel.close();
      });
      channel.on('close', () => resolve(total));
    });
  });
  expect(read).toBeGreaterThan(6 * 1024 * 1024);
  machine.faults.endlessOutput = false;
  expect(await order(root, 'probe')).toContain('berth: done');
});

test('closing resets what is open and gives the port back', async () => {
  machine.faults.slowMs = 60_000;
  const waiting = expect(order(root, 'create-account', alice)).rejects.toThrow();
  await allArrived(root);
  await simulation.close();
  await waiting;
  expect(machine.accounts.size).toBe(0);
  const again = await startSimulatedMachines({ count: 1, password: 'x', firstPort: machine.port });
  await again.close();
});

/** Resolves once what was begun on the connection has arrived at the machine, standard input included. */
async function allArrived(client: Client): Promise<void> {
  // Standard input is sent when the channel is open; it has arrived when what was sent after it is answered.
  await run(client, 'whoami');
  await run(client, 'whoami');
}
