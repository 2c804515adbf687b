import { expect, test } from 'vitest';
import { startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';
import { logInAsRoot, order } from './simulated-client.ts';

test('a thousand machines start, keep apart, and stop', async () => {
  const simulation = await startSimulatedMachines({ count: 1_000, password: 'only-for-this-test' });
  const { machines } = simulation;
  try {
    expect(new Set(machines.map((machine) => machine.port)).size).toBe(1_000);
    expect(machines[0]?.name).toBe('simulated-0001');
    expect(machines[999]?.name).toBe('simulated-1000');
    const some = machines.filter((_, index) => index % 20 === 7);
    await Promise.all(
      some.map(async (machine, index) => {
        const root = await logInAsRoot(machine);
        const lines = await order(root, 'create-account', {
          allocation: `alloc-${index}`,
          generation: 1,
          account: `user${index}`,
        });
        expect(lines).toContain('berth: uid 20000');
      }),
    );
    expect(machines.filter((machine) => machine.accounts.size > 0)).toEqual(some);
    some.forEach((machine, index) => {
      expect([...machine.accounts.keys()]).toEqual([`user${index}`]);
    });
  } finally {
    await simulation.close();
  }
  await expect(logInAsRoot(machines[0] as (typeof machines)[number])).rejects.toThrow(/ECONNREFUSED/);
}, 30_000);
