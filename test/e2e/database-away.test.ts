import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';
import { mariadbInstalled, startMariadb } from '../support/mariadb.ts';
import { adminOf, startProcess } from '../support/processes.ts';

const MACHINES = 12;
const WITHIN = { timeout: 60_000, interval: 200 };

describe.skipIf(!mariadbInstalled())('the database goes away under load and comes back', () => {
  it('clear refusals meanwhile, nothing lost or lent twice, and it recovers by itself', {
    timeout: 180_000,
  }, async () => {
    const mariadb = await startMariadb();
    const { hostname, port, username, password } = new URL(mariadb.url);
    const database = {
      dialect: 'mariadb',
      host: hostname,
      port: Number(port),
      user: username,
      password,
      database: 'berth',
    } as const;
    await mariadb.createDatabase(database.database);
    const simulation = await startSimulatedMachines({ count: MACHINES, password: 'test' });
    const server = await startProcess('src/standalone.ts', database);
    try {
      const call = await adminOf(server.address);
      for (const { name, host, port, user, password } of simulation.machines) {
        await call('POST', '/machines', { name, host, port, user, password });
      }
      await expect.poll(async () => (await call('GET', '/available')).body.available.length, WITHIN).toBe(MACHINES);

      const seen = { acknowledged: [] as string[], unavailable: 0, other: [] as unknown[] };
      let loading = true;
      const load = Array.from({ length: 4 }, async () => {
        while (loading) {
          const made = await call('POST', '/reservations', { count: 2, reservation_password: 'test' });
          if (made.status === 201) {
            seen.acknowledged.push(made.body.reservation_id);
            await call('DELETE', `/reservations/${made.body.reservation_id}`);
          } else if (made.status === 503 && made.body.error === 'unavailable') {
            seen.unavailable += 1;
            await sleep(50);
          } else if (made.status !== 409 && made.body.error !== 'preparation_failed') {
            seen.other.push(made.body);
          }
        }
      });
      await expect.poll(() => seen.acknowledged.length, WITHIN).toBeGreaterThan(5);
      await mariadb.kill();
      await expect.poll(() => seen.unavailable, WITHIN).toBeGreaterThan(5);
      expect((await fetch(`${server.address}/api/healthz`)).status).toBe(200);
      const ready = await fetch(`${server.address}/api/readyz`);
      expect(ready.status).toBe(503);
      expect(JSON.stringify(await ready.json())).toContain('database');
      await mariadb.start();
      const before = seen.acknowledged.length;
      await expect.poll(() => seen.acknowledged.length, WITHIN).toBeGreaterThan(before + 5);
      loading = false;
      await Promise.all(load);

      expect(seen.other).toEqual([]);
      const known = await Promise.all(seen.acknowledged.map((id) => call('GET', `/reservations/${id}`)));
      expect(known.every(({ status }) => status === 200)).toBe(true);
      // What was claimed while the connection was lost becomes active by itself, and goes with all the others.
      await expect
        .poll(
          async () => {
            await call('POST', '/release_all');
            return (await call('GET', '/available')).body.available.length;
          },
          { timeout: 90_000, interval: 500 },
        )
        .toBe(MACHINES);
      expect(simulation.machines.map((machine) => [machine.accounts.size, machine.everOverlapped])).toEqual(
        simulation.machines.map(() => [0, false]),
      );
    } finally {
      await server.kill();
      await simulation.close();
      await mariadb.remove();
    }
  });
});
