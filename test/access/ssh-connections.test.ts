import { type AddressInfo, connect, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { MachineAccess } from '#core/access/driver.ts';
import { createSshDriver } from '#core/access/ssh/ssh-driver.ts';
import { dockerAvailable, ensureLabImages, type LabMachine, startMachine } from '../support/docker-lab.ts';
import { HOSTILE_HOST, sshServer } from './hostile-servers.ts';
import { accessTo } from './ssh-login.ts';

describe.skipIf(!dockerAvailable())('kept connections', () => {
  let machine: LabMachine;

  beforeAll(async () => {
    await ensureLabImages();
    machine = await startMachine('debian');
  });
  afterAll(() => machine?.remove());

  const open = async () => Number(await machine.exec('ps ax | grep -c "[s]shd: root@" || true'));
  const openBecomes = (count: number) => vi.waitFor(async () => expect(await open()).toBe(count), { timeout: 10_000 });
  const ids = (count: number) =>
    Array.from({ length: count }, (_, index) => accessTo(machine, { id: `machine-${index}` }));

  test('many first contacts to one host at once all succeed, though sshd drops logins past about ten', async () => {
    const driver = createSshDriver();
    await Promise.all(ids(40).map((access) => driver.probe(access)));
    expect(await open()).toBe(40);
    await driver.close();
    await openBecomes(0);
  });

  test('a connection that nobody uses is closed, and so is one that is forgotten', async () => {
    const driver = createSshDriver({ idleMs: 300 });
    await driver.probe(accessTo(machine));
    await openBecomes(0);
    const lasting = createSshDriver();
    await lasting.probe(accessTo(machine));
    expect(await open()).toBe(1);
    lasting.forget(machine.name);
    await openBecomes(0);
    await lasting.probe(accessTo(machine));
    await Promise.all([driver.close(), lasting.close()]);
  });

  test('there are never more than allowed; those used longest ago go first', async () => {
    const driver = createSshDriver({ maxConnections: 3 });
    const [first, ...others] = ids(5);
    if (!first) throw new Error('no machine');
    for (const access of others) {
      await driver.probe(access);
      await driver.probe(first);
    }
    await openBecomes(3);
    const before = await machine.exec('ps ax -o pid=,args= | grep "[s]shd: root@" | sort | head -1');
    await driver.probe(first);
    expect(await machine.exec('ps ax -o pid=,args= | grep "[s]shd: root@" | sort | head -1')).toBe(before);
    await driver.close();
  });

  /** A way to the machine that hangs up on the next `drops` connections, and on living ones at their next byte once `cut`. */
  async function roughWay() {
    const way = { port: 0, drops: 0, cut: false, close: () => new Promise((resolve) => server.close(resolve)) };
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      if (way.drops > 0) {
        way.drops -= 1;
        socket.destroy();
        return;
      }
      const onward = connect(machine.port, machine.host);
      onward.on('error', () => socket.destroy());
      onward.on('data', (data) => socket.write(data)).on('close', () => socket.destroy());
      socket.on('close', () => onward.destroy());
      socket.on('data', (data) => {
        if (way.cut) {
          way.cut = false;
          socket.destroy();
        } else onward.write(data);
      });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    way.port = (server.address() as AddressInfo).port;
    return way;
  }

  test('a server that hangs up before the login is tried again, one that always does is given up', async () => {
    const way = await roughWay();
    const driver = createSshDriver();
    way.drops = 3;
    await driver.probe(accessTo(machine, { port: way.port }));
    expect(way.drops).toBe(0);
    way.drops = 1_000;
    const other = accessTo(machine, { port: way.port, id: 'other' });
    await expect(driver.probe(other)).rejects.toMatchObject({ code: 'unreachable' });
    expect(1_000 - way.drops).toBeGreaterThan(2);
    await driver.close();
    await way.close();
  });

  test('a kept connection that proves dead when it is used is made anew, once and without a word', async () => {
    const way = await roughWay();
    const driver = createSshDriver();
    const access = accessTo(machine, { port: way.port });
    await driver.probe(access);
    way.cut = true;
    await driver.probe(access);
    expect(way.cut).toBe(false);
    await driver.close();
    await way.close();
  });

  test('the algorithm of the pinned key is asked for first', async () => {
    // A second server on the machine with two keys: the client's usual first choice is ed25519.
    await machine.exec(
      `ssh-keygen -q -t ecdsa -N '' -f /root/ecdsa; /usr/sbin/sshd -p 2200 -h /root/ecdsa -h /etc/ssh/ssh_host_ed25519_key -o PermitRootLogin=yes`,
    );
    const address = await machine.exec('hostname -i');
    const [kind, base64] = (await machine.exec('cat /root/ecdsa.pub')).split(' ');
    const driver = createSshDriver();
    const second = { id: 'second', host: address, port: 2200 };
    expect((await driver.probe(accessTo(machine, second))).hostKey).toMatch(/^ssh-ed25519 /);
    const hostKey = `${kind} ${base64}`;
    expect((await driver.probe(accessTo(machine, { ...second, hostKey }))).hostKey).toBe(hostKey);
    await driver.close();
  });
});

describe('a server that opens no session for a call while another one runs', () => {
  const PROBE_ANSWER =
    'berth: os Debian\nberth: time 1\nberth: disk_mb 1\nberth: load 0.1\nberth: fence 0\nberth: done\n';

  /** Answers the first command once told to; opens no session for the next `refusals` of the first connection; answers the others. */
  async function refusing(refusals: number) {
    const calls = { refused: 0, connections: 0, answerFirst: null as (() => void) | null };
    const server = await sshServer((connection) => {
      calls.connections += 1;
      const isFirst = calls.connections === 1;
      let commands = 0;
      connection.on('authentication', (context) => context.accept());
      connection.on('session', (accept) =>
        accept().on('exec', (acceptExec, reject) => {
          commands += 1;
          if (isFirst && commands > 1 && calls.refused < refusals) {
            calls.refused += 1;
            reject();
            return;
          }
          const channel = acceptExec();
          channel.on('error', () => undefined);
          const answer = () => void channel.write(PROBE_ANSWER);
          if (isFirst && commands === 1) calls.answerFirst = answer;
          else answer();
        }),
      );
    });
    const machine: MachineAccess = {
      id: 'refusing',
      name: 'refusing',
      host: HOSTILE_HOST,
      port: server.port,
      user: 'root',
      credential: { kind: 'password', password: 'any' },
      hostKey: null,
    };
    const driver = createSshDriver();
    const first = driver.probe(machine);
    await vi.waitFor(() => expect(calls.answerFirst).not.toBeNull());
    const close = async () => {
      await driver.close();
      await server.close();
    };
    return { calls, machine, driver, first, close };
  }

  test.each([
    ['now and then: it is asked again', 3, 1],
    ['any more on this connection: a new one is made', 1_000, 2],
  ])('%s, and the other one ends well', async (_, refusals, connections) => {
    const { calls, machine, driver, first, close } = await refusing(refusals);
    try {
      expect((await driver.probe(machine)).operatingSystem).toBe('Debian');
      expect(calls.connections).toBe(connections);
      calls.answerFirst?.();
      expect((await first).operatingSystem).toBe('Debian');
    } finally {
      await close();
    }
  });
});
