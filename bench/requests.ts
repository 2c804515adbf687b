// Requests per second and 99th percentile of the reads that pages and scripts repeat.
import { readFile } from 'node:fs/promises';
import { startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';
import { databases } from '../test/support/databases.ts';
import { adminOf, startProcess } from '../test/support/processes.ts';
import { table } from './figures.ts';
import { CONNECTIONS, load, SECONDS, tokenOf } from './load.ts';

const PATHS = ['/api/available', '/api/machines', '/api/whoami'];

export async function benchRequests(): Promise<void> {
  const rows = [['database', 'machines', 'route', 'requests/s', 'p99 ms']];
  for (const { name, fresh } of databases) {
    for (const count of [0, 10, 1_000]) {
      const { database, remove } = await fresh();
      const simulation = count === 0 ? null : await startSimulatedMachines({ count, password: 'test' });
      const server = await startProcess('src/standalone.ts', database, { LOG_LEVEL: 'info' });
      try {
        const call = await adminOf(server.address);
        for (const { name, host, port, user, password } of simulation?.machines ?? []) {
          await call('POST', '/machines', { name, host, port, user, password });
        }
        while ((await call('GET', '/available')).body.available.length < count)
          await new Promise((r) => setTimeout(r, 200));
        const token = await tokenOf(server.address);
        const paths = count === 0 ? [] : PATHS;
        for (const path of paths) rows.push([name, String(count), path, ...(await load(server.address + path, token))]);
        rows.push([name, String(count), '(memory of the server)', `${await memoryOf(server.pid)} MB`, '']);
      } finally {
        await server.stop();
        await simulation?.close();
        await remove();
      }
    }
  }
  table(`Reads: ${CONNECTIONS} connections for ${SECONDS} s, load from the same two cores`, rows);
}

async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}
