// Reservations per second when 64 callers ask at once, over 1,000 simulated machines.
import { startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';
import { databases } from '../test/support/databases.ts';
import { adminOf, startProcess } from '../test/support/processes.ts';
import { median, table } from './figures.ts';

const CALLERS = 64;
const ROUNDS = 5;
const MACHINES = 1_000;

export async function benchContention(): Promise<void> {
  const rows = [['database', 'reservations/s', 'median ms each', 'failed']];
  for (const { name, fresh } of databases) {
    const { database, remove } = await fresh();
    const simulation = await startSimulatedMachines({ count: MACHINES, password: 'test' });
    const server = await startProcess('src/standalone.ts', database, { LOG_LEVEL: 'info' });
    try {
      const call = await adminOf(server.address);
      for (const { name, host, port, user, password } of simulation.machines) {
        await call('POST', '/machines', { name, host, port, user, password });
      }
      while ((await call('GET', '/available')).body.available.length < MACHINES)
        await new Promise((r) => setTimeout(r, 200));
      const times: number[] = [];
      let failed = 0;
      const start = performance.now();
      await Promise.all(
        Array.from({ length: CALLERS }, async () => {
          for (let round = 0; round < ROUNDS; round++) {
            const from = performance.now();
            const answer = await call('POST', '/reservations', {
              count: 1 + (round % 3),
              reservation_password: 'test',
            });
            times.push(performance.now() - from);
            if (answer.status !== 201) failed += 1;
          }
        }),
      );
      const seconds = (performance.now() - start) / 1000;
      rows.push([name, (times.length / seconds).toFixed(0), median(times).toFixed(0), String(failed)]);
    } finally {
      await server.stop();
      await simulation.close();
      await remove();
    }
  }
  table(
    `Contention: ${CALLERS} callers, ${ROUNDS} reservations each of 1 to 3 of ${MACHINES} simulated machines`,
    rows,
  );
}
