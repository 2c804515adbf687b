// The SSH driver beside the Ansible driver, on the same real containers, both through the interface that Berth uses.
import { hashAccountPassword } from '#core/access/account-password.ts';
import { createAnsibleDriver } from '#core/access/ansible/ansible-driver.ts';
import type { AccessDriver, MachineAccess } from '#core/access/driver.ts';
import { createSshDriver } from '#core/access/ssh/ssh-driver.ts';
import { ensureLabImages, startMachine } from '../test/support/docker-lab.ts';
import { median, table, timed } from './figures.ts';

const RUNS = 3;
const SIZES = [1, 10];
const DRIVERS: readonly [string, () => AccessDriver][] = [
  ['SSH, warm', createSshDriver],
  ['Ansible, one run for all', createAnsibleDriver],
  ['Ansible, a run for each', () => createAnsibleDriver({ machinesPerRun: 1 })],
];

export async function benchDrivers(): Promise<void> {
  await ensureLabImages();
  const machines = await Promise.all(Array.from({ length: Math.max(...SIZES) }, () => startMachine('debian')));
  const all = machines.map(
    ({ name, host, port, user, password }): MachineAccess => ({
      id: name,
      name,
      host,
      port,
      user,
      credential: { kind: 'password', password },
      hostKey: null,
    }),
  );
  const passwordHash = hashAccountPassword('test');
  let generation = 0;
  try {
    const rows = [['machines', 'driver', 'create', 'remove']];
    for (const size of SIZES) {
      const some = all.slice(0, size);
      for (const [title, make] of DRIVERS) {
        const driver = make();
        const creations: number[] = [];
        const removals: number[] = [];
        // The first round opens the connections that the SSH driver keeps.
        for (let run = 0; run <= RUNS; run++) {
          generation += 1;
          const order = { allocationId: `bench-${generation}`, generation, accountName: 'bench' };
          const creation = { ...order, passwordHash, authorizedKeys: [] };
          const created = await timed(() =>
            Promise.all(some.map((machine) => driver.createAccount(machine, creation))),
          );
          const removed = await timed(() => Promise.all(some.map((machine) => driver.removeAccount(machine, order))));
          if (run === 0) continue;
          creations.push(created);
          removals.push(removed);
        }
        await driver.close();
        rows.push([String(size), title, ...[creations, removals].map((times) => `${median(times).toFixed(0)} ms`)]);
      }
    }
    table(`Drivers: accounts on machines side by side, medians of ${RUNS}`, rows);
  } finally {
    await Promise.all(machines.map((machine) => machine.remove()));
  }
}
