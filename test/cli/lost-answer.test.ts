import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulation, startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';
import { ADMIN_PASSWORD, adminOf, type BerthProcess, startProcess } from '../support/processes.ts';
import { freshSqlite } from '../support/test-pool.ts';
import { newPerson, type Person } from './berth.ts';

const WITHIN = { timeout: 30_000, interval: 100 };

/** Between `berth` and the server stands something that drops answers. */
describe('berth when the answer to a reservation is lost', { timeout: 120_000 }, () => {
  let simulation: Simulation;
  let database: ReturnType<typeof freshSqlite>;
  let server: BerthProcess;
  let call: Awaited<ReturnType<typeof adminOf>>;
  let proxy: Server;
  let person: Person;
  /** How many answers to POST /api/reservations are still to be dropped. */
  let toDrop = 0;
  let asked = 0;

  beforeAll(async () => {
    simulation = await startSimulatedMachines({ count: 2, password: 'root password' });
    database = freshSqlite();
    server = await startProcess('src/standalone.ts', database.database);
    call = await adminOf(server.address);
    for (const { name, host, port, user, password } of simulation.machines) {
      expect((await call('POST', '/machines', { name, host, port, user, password })).status).toBe(201);
    }
    proxy = createServer((incoming, outgoing) => {
      const { method, url = '', headers } = incoming;
      const makes = method === 'POST' && url.startsWith('/api/reservations');
      if (makes) asked += 1;
      const forward = request(`${server.address}${url}`, { method, headers }, (answer) => {
        if (makes && toDrop > 0) {
          toDrop -= 1;
          incoming.socket.destroy();
          answer.resume();
        } else {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
        }
      });
      incoming.pipe(forward);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => proxy.once('listening', resolve));
    person = newPerson();
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const words = ['login', '--server', address, '--user', 'admin', '--password-stdin'];
    expect(await person.berth(words, ADMIN_PASSWORD)).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    person?.leave();
    proxy?.close();
    await server?.stop();
    database?.remove();
    await simulation?.close();
  });

  const open = async () => (await call('GET', '/reservations')).body.reservations;
  const free = async () => (await call('GET', '/available')).body.available.length;

  it('asks again and gets the same reservation, with a password that works', async () => {
    await expect.poll(free, WITHIN).toBe(2);
    toDrop = 1;
    asked = 0;
    const made = await person.berth(['reserve', '--as', 'borrower', '--json']);
    expect(made).toMatchObject({ code: 0 });
    expect(asked).toBe(2);
    const reservations = await open();
    expect(reservations).toHaveLength(1);
    expect(made.json()).toMatchObject({ reservation_id: reservations[0].reservation_id, state: 'active' });
    expect(made.json().password).toMatch(/^[\w-]{20}$/);
  });

  it('says what is not known when no answer comes at all', async () => {
    await call('POST', '/release_all');
    await expect.poll(free, WITHIN).toBe(2);
    toDrop = 100;
    const made = await person.berth(['reserve', '--as', 'borrower']);
    toDrop = 0;
    expect(made.code).toBe(5);
    expect(made.stderr).toContain('berth list');
    expect(await open()).toHaveLength(1);
  });
});
