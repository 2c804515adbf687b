import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';
import { galeraInstalled, startGalera, statusOf } from '../support/galera.ts';
import type { MariadbServer } from '../support/mariadb.ts';
import { adminOf, type BerthProcess, startProcess } from '../support/processes.ts';

const MACHINES = 12;
const WITHIN = { timeout: 60_000, interval: 200 };

/** Each replica writes to a node of its own, so that transactions meet only when the cluster certifies them. */
describe.skipIf(!galeraInstalled())('a Galera cluster of three nodes', () => {
  it('one node is killed under load: nothing lost or lent twice, lost certifications are run again', {
    timeout: 300_000,
  }, async () => {
    const nodes = (await startGalera(3)) as [MariadbServer, MariadbServer, MariadbServer];
    const simulation = await startSimulatedMachines({ count: MACHINES, password: 'test' });
    const processes: BerthProcess[] = [];
    try {
      await nodes[0].createDatabase('berth');
      const databases = nodes.map(({ url }) => databaseAt(url));
      const apis: BerthProcess[] = [];
      for (const database of databases) {
        const api = await startProcess('src/api/main.ts', database);
        processes.push(api, await startProcess('src/scheduler/main.ts', database));
        apis.push(api);
      }
      const calls = await Promise.all(apis.map(({ address }) => adminOf(address)));
      const [call, , last] = calls as [Call, Call, Call];
      for (const { name, host, port, user, password } of simulation.machines) {
        expect((await call('POST', '/machines', { name, host, port, user, password })).status).toBe(201);
      }
      await expect.poll(async () => (await call('GET', '/available')).body.available.length, WITHIN).toBe(MACHINES);

      const seen = { acknowledged: [] as string[], unavailable: 0, other: [] as unknown[] };
      let loading = true;
      const load = calls.flatMap((one) =>
        Array.from({ length: 3 }, async () => {
          while (loading) {
            const made = await one('POST', '/reservations?wait=60', { count: 2, reservation_password: 'test' });
            if (made.status === 201) {
              seen.acknowledged.push(made.body.reservation_id);
              await one('DELETE', `/reservations/${made.body.reservation_id}`);
            } else if (made.status === 503 && made.body.error === 'unavailable') {
              seen.unavailable += 1;
              await sleep(50);
            } else if (made.status !== 409 && made.body.error !== 'preparation_failed') {
              seen.other.push(made.body);
            }
          }
        }),
      );
      await expect.poll(() => seen.acknowledged.length, WITHIN).toBeGreaterThan(20);
      await nodes[1].kill();
      await expect.poll(() => seen.unavailable, WITHIN).toBeGreaterThan(3);
      const before = seen.acknowledged.length;
      await expect.poll(() => seen.acknowledged.length, WITHIN).toBeGreaterThan(before + 20);
      await nodes[1].start();
      await expect.poll(async () => (await fetch(`${apis[1]?.address}/api/readyz`)).status, WITHIN).toBe(200);
      loading = false;
      await Promise.all(load);

      const failures = apis.flatMap((api) => api.log().match(/.*request failed.*/g) ?? []);
      expect(seen.other, failures[0]).toEqual([]);
      const known = await Promise.all(seen.acknowledged.map((id) => last('GET', `/reservations/${id}`)));
      expect(known.every(({ status }) => status === 200)).toBe(true);
      await expect
        .poll(
          async () => {
            await last('POST', '/release_all');
            return (await last('GET', '/available')).body.available.length;
          },
          { timeout: 90_000, interval: 500 },
        )
        .toBe(MACHINES);
      const { body } = await last('GET', '/reservations');
      expect(body.reservations, 'none is left ending for ever').toEqual([]);
      expect(simulation.machines.map((machine) => [machine.accounts.size, machine.everOverlapped])).toEqual(
        simulation.machines.map(() => [0, false]),
      );
      const lost = await Promise.all(
        nodes.flatMap((node) => [statusOf(node, 'wsrep_local_cert_failures'), statusOf(node, 'wsrep_local_bf_aborts')]),
      );
      expect(Math.max(...lost), 'transactions of two nodes met').toBeGreaterThan(0);
      const ending = await Promise.all(seen.acknowledged.map((id) => last('GET', `/reservations/${id}`)));
      expect(new Set(ending.map((one) => one.body.state))).toEqual(new Set(['ended']));
    } finally {
      await Promise.all(processes.map((one) => one.kill()));
      await simulation.close();
      await Promise.all(nodes.map((node) => node.remove()));
    }
  });
});

type Call = Awaited<ReturnType<typeof adminOf>>;

function databaseAt(url: string) {
  const { hostname, port, username, password } = new URL(url);
  return {
    dialect: 'mariadb',
    host: hostname,
    port: Number(port),
    user: username,
    password,
    database: 'berth',
  } as const;
}
