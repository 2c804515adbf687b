// The same work straight at the API and through Caddy with TLS, with 1, 2 and 4 API workers on MariaDB.
import { Agent, request } from 'node:https';
import { startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';
import { caddyInstalled, startProxy } from '../test/support/caddy.ts';
import { databases } from '../test/support/databases.ts';
import { dockerAvailable, ensureLabImages, type LabMachine, startMachine } from '../test/support/docker-lab.ts';
import { adminOf, startProcess } from '../test/support/processes.ts';
import { median, table, timed } from './figures.ts';
import { load, tokenOf } from './load.ts';

const WORKERS = [1, 2, 4];
const RUNS = 9;

export async function benchFront(): Promise<void> {
  const onMariadb = databases.find(({ name }) => name === 'MariaDB');
  if (!onMariadb || !caddyInstalled()) return console.log('Without MariaDB or Caddy: no figures of the whole stack.');
  const rows = [
    ['API workers', 'GET /api/available, straight', 'through Caddy with TLS', 'p99 straight', 'p99 through Caddy'],
  ];
  const reserves = [['machines', 'reserve, straight', 'through Caddy with TLS', 'ratio']];
  for (const workers of WORKERS) {
    const { database, remove } = await onMariadb.fresh();
    const simulation = await startSimulatedMachines({ count: 10, password: 'test' });
    const api = await startProcess('src/api/main.ts', database, { WEB_CONCURRENCY: String(workers) });
    const scheduler = await startProcess('src/scheduler/main.ts', database);
    const proxy = await startProxy(Number(new URL(api.address).port));
    try {
      const call = await adminOf(api.address);
      for (const { name, host, port, user, password } of simulation.machines) {
        await call('POST', '/machines', { name, host, port, user, password });
      }
      await until(async () => (await call('GET', '/available')).body.available.length === 10);
      const token = await tokenOf(api.address);
      const [straight, p99] = await load(`${api.address}/api/available`, token);
      const [through, p99Through] = await load(`https://localhost:${proxy.port}/api/available`, token);
      rows.push([String(workers), `${straight}/s`, `${through}/s`, p99, p99Through]);
      if (workers === 1 && dockerAvailable()) {
        for (const { name } of simulation.machines) await call('DELETE', `/machines/${name}`);
        reserves.push(...(await compareReserve(call, token, proxy.port)));
      }
    } finally {
      await proxy.stop();
      await Promise.all([api.stop(), scheduler.stop()]);
      await simulation.close();
      await remove();
    }
  }
  table('API workers on MariaDB, 10 machines, two cores for all of it', rows);
  if (reserves.length > 1) table(`Reserve to usable account, medians of ${RUNS}, taken in turn`, reserves);
}

type Call = Awaited<ReturnType<typeof adminOf>>;

async function compareReserve(call: Call, token: string, port: number): Promise<string[][]> {
  await ensureLabImages();
  const machines: LabMachine[] = await Promise.all(Array.from({ length: 10 }, () => startMachine('debian')));
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  try {
    for (const { name, host, port, user, password } of machines) {
      await call('POST', '/machines', { name, host, port, user, password });
    }
    const free = () => until(async () => (await call('GET', '/available')).body.available.length === 10);
    const rows: string[][] = [];
    for (const count of [1, 10]) {
      const path = `/reserve?count=${count}&reservation_password=test`;
      const ways = [() => call('GET', path), () => throughCaddy(agent, port, token, `/api${path}`)];
      const times = ways.map((): number[] => []);
      for (let run = 0; run <= RUNS; run++) {
        for (const [i, way] of ways.entries()) {
          await free();
          const time = await timed(way);
          if (run > 0) times[i]?.push(time);
          await call('POST', '/release_all');
        }
      }
      await free();
      const [straight, through] = times.map(median) as [number, number];
      const ms = (figure: number): string => `${figure.toFixed(0)} ms`;
      rows.push([String(count), ms(straight), ms(through), (through / straight).toFixed(2)]);
    }
    return rows;
  } finally {
    agent.destroy();
    await Promise.all(machines.map((machine) => machine.remove()));
  }
}

function throughCaddy(agent: Agent, port: number, token: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    request({ host: 'localhost', port, path, headers, agent }, (answer) => {
      answer.resume();
      answer.on('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(`HTTP ${answer.statusCode}`))));
    })
      .on('error', reject)
      .end();
  });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}
