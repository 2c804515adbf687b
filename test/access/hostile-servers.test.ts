import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection, ServerChannel } from 'ssh2';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAnsibleDriver } from '#core/access/ansible/ansible-driver.ts';
import type { AccessDriver, AccessError, MachineAccess } from '#core/access/driver.ts';
import { type Simulation, startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';
import { createSshDriver } from '#core/access/ssh/ssh-driver.ts';
import { ansibleInstalled } from '../support/parts.ts';
import { HOSTILE_HOST, type HostileServer, onCommand, pourInto, RAW, rawServer, sshServer } from './hostile-servers.ts';

const LIMITS = { connectLimitMs: 2_000, scriptLimitMs: 2_000 };
const MOST_MEGABYTES = 150;
const PROBE_ANSWER =
  'berth: os Debian\nberth: time 1\nberth: disk_mb 1\nberth: load 0.1\nberth: fence 0\nberth: done\n';

let servers: HostileServer[] = [];
const machineAt = ({ port }: { port: number }, changes: Partial<MachineAccess> = {}): MachineAccess => ({
  id: `at-${port}`,
  name: 'm1',
  host: HOSTILE_HOST,
  port,
  user: 'root',
  credential: { kind: 'password', password: 'Its-Own-Pass-1' },
  hostKey: null,
  ...changes,
});
const start = async (making: Promise<HostileServer>): Promise<HostileServer> => {
  const server = await making;
  servers.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
});

/** The failure of a call, which is an AccessError that can be shown, in bounded time and memory. */
async function failure(call: Promise<unknown>, limitMs: number, most = MOST_MEGABYTES): Promise<AccessError> {
  const began = performance.now();
  const before = process.memoryUsage.rss();
  const error = (await call.then(
    () => new Error('it succeeded'),
    (caught) => caught,
  )) as AccessError;
  expect(error.name, String(error)).toBe('AccessError');
  expect(error.message).toMatch(/^m1: [\x20-\x7e]{1,400}$/);
  expect(error.message).not.toContain('Its-Own-Pass-1');
  expect(error.mend).toMatch(/^[A-Z].*\.$/);
  expect(performance.now() - began, error.message).toBeLessThan(limitMs);
  expect((process.memoryUsage.rss() - before) / 2 ** 20, error.message).toBeLessThan(most);
  return error;
}

describe.each([
  ['SSH', createSshDriver, true],
  ['Ansible', createAnsibleDriver, ansibleInstalled()],
] as const)('the %s driver and a server that', (_, make, usable) => {
  it.skipIf(!usable).each(RAW)('%s', async (__, act) => {
    const driver = make(LIMITS);
    try {
      const server = await start(rawServer(act));
      const error = await failure(driver.probe(machineAt(server)), 15_000);
      expect(['unreachable', 'timed_out', 'bad_answer']).toContain(error.code);
      await expect.poll(server.open).toBe(0);
    } finally {
      await driver.close();
    }
  });
});

describe('the SSH driver and an SSH server that', () => {
  let driver: AccessDriver;
  beforeEach(() => {
    driver = createSshDriver(LIMITS);
  });
  afterEach(() => driver.close());
  const fails = async (making: Promise<HostileServer>): Promise<AccessError> =>
    await failure(driver.probe(machineAt(await start(making))), 20_000);

  it('knows only algorithms that are broken', async () => {
    const algorithms = { kex: ['diffie-hellman-group1-sha1'], cipher: ['3des-cbc'] } as const;
    const error = await fails(sshServer(() => undefined, { algorithms: algorithms as never }));
    expect(error.code).toBe('unreachable');
  });

  it('insists on compression, with which a small packet could be a huge one', async () => {
    const error = await fails(
      sshServer(
        onCommand(() => undefined),
        { algorithms: { compress: ['zlib'] } },
      ),
    );
    expect(error.code).toBe('unreachable');
  });

  it('never answers a login', async () => {
    expect((await fails(sshServer((connection) => void connection.on('authentication', () => undefined)))).code).toBe(
      'timed_out',
    );
  });

  it('refuses every login, and lists ways that are none', async () => {
    const error = await fails(
      sshServer(
        (connection) =>
          void connection.on('authentication', (context) => context.reject(['gssapi-with-mic'] as never, true)),
      ),
    );
    expect(error.code).toBe('login_refused');
  });

  it('asks for the password without end', async () => {
    const asking = (connection: Connection): void =>
      void connection.on('authentication', (context) => {
        if (context.method !== 'keyboard-interactive') return context.reject(['keyboard-interactive']);
        const ask = (): void =>
          context.prompt(
            Array.from({ length: 50 }, () => ({ prompt: 'x'.repeat(100), echo: false })),
            ask,
          );
        ask();
      });
    expect(['timed_out', 'bad_answer', 'login_refused']).toContain((await fails(sshServer(asking))).code);
  });

  it('sends keep-alives without end before the login, and reads no answer to them', async () => {
    const flood = (connection: Connection): void => {
      connection.on('authentication', () => {
        const on = (): void => {
          for (let count = 0; count < 100; count += 1) (connection as unknown as Inner)._protocol.ping();
          if ((connection as unknown as Inner)._sock.destroyed) clearInterval(timer);
        };
        const timer = setInterval(on, 1);
        (connection as unknown as Inner)._sock.once('close', () => clearInterval(timer));
      });
    };
    expect(['bad_answer', 'timed_out']).toContain((await fails(sshServer(flood))).code);
  });

  it('refuses channels', async () => {
    const refuse = (connection: Connection): void => {
      connection.on('authentication', (context) => context.accept());
      connection.on('session', (_accept, reject) => reject());
    };
    expect((await fails(sshServer(refuse))).code).toBe('unreachable');
  });

  it('takes a command and says nothing', async () => {
    expect((await fails(sshServer(onCommand(() => undefined)))).code).toBe('timed_out');
  });

  it.each([
    ['standard output', (channel: ServerChannel) => pourInto(channel, Buffer.alloc(32_000, 'berth: os x\n'))],
    ['standard error', (channel: ServerChannel) => pourInto(channel.stderr, Buffer.alloc(32_000, 'x'))],
    ['single bytes', (channel: ServerChannel) => byBytes(channel, 'x')],
    ['empty lines', (channel: ServerChannel) => byBytes(channel, '\n')],
  ])('prints without end on %s', async (_, act) => {
    // Bytes that come one by one may be too slow for the first.
    expect(['bad_answer', 'timed_out']).toContain((await fails(sshServer(onCommand(act)))).code);
  });

  it('drops the line in the middle of an answer, again and again', async () => {
    const drop = onCommand((channel, connection) => {
      channel.write('berth: os x\nberth: ti');
      connection.end();
    });
    expect((await fails(sshServer(drop))).code).toBe('unreachable');
  });

  it('fails with words that a terminal obeys', async () => {
    const evil = '\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e'.repeat(50);
    for (const text of [`berth: failed still_dirty ${evil}\n`, `berth: failed no_such_code ${evil}\n`]) {
      const error = await fails(sshServer(onCommand((channel) => void channel.write(text))));
      expect(['still_dirty', 'bad_answer']).toContain(error.code);
    }
    const ended = onCommand((channel) => {
      channel.stderr.write(evil);
      channel.exit(1);
      channel.end();
    });
    expect((await fails(sshServer(ended))).code).toBe('bad_answer');
  });

  it('answers with values that cannot be', async () => {
    for (const [from, to] of [
      ['time 1', 'time 1e999'],
      ['time 1', 'time -5'],
      ['disk_mb 1', 'disk_mb 99999999999999999999'],
      ['load 0.1', 'load NaN'],
      ['load 0.1', 'load Infinity'],
      ['fence 0', 'fence 0x10'],
      ['fence 0', 'fence'],
    ] as const) {
      const answer = PROBE_ANSWER.replace(from, to);
      expect((await fails(sshServer(onCommand((channel) => void channel.write(answer))))).code, to).toBe('bad_answer');
    }
  });

  it('tells of an operating system that a terminal obeys: it is shown as plain text, and short', async () => {
    const answer = PROBE_ANSWER.replace('Debian', `\u001b[31mD\u0000e\u009bb\u202eian${'x'.repeat(20_000)}`);
    const server = await start(sshServer(onCommand((channel) => void channel.write(answer))));
    const { operatingSystem } = await driver.probe(machineAt(server));
    expect(operatingSystem).toMatch(/^\?\[31mD\?e\?+b\?+ianx+\.\.\.$/);
    expect(operatingSystem.length).toBeLessThanOrEqual(100);
  });

  it('opens channels to us without end, on a connection that is kept: it is cut off', async () => {
    const open = onCommand((channel, connection) => {
      channel.write(PROBE_ANSWER);
      const more = (): void => {
        for (let count = 0; count < 200; count += 1)
          connection.forwardOut('127.0.0.1', 1, '127.0.0.1', 2, () => undefined);
      };
      const timer = setInterval(more, 1);
      (connection as unknown as Inner)._sock.once('close', () => clearInterval(timer));
    });
    const server = await start(sshServer(open));
    await driver.probe(machineAt(server));
    const before = process.memoryUsage.rss();
    await expect.poll(server.open, { timeout: 20_000 }).toBe(0);
    expect((process.memoryUsage.rss() - before) / 2 ** 20).toBeLessThan(MOST_MEGABYTES);
  });

  it('floods a connection that is kept and idle: it is cut off', async () => {
    const flood = onCommand((channel, connection) => {
      channel.write(PROBE_ANSWER);
      const timer = setInterval(() => {
        for (let count = 0; count < 200; count += 1) (connection as unknown as Inner)._protocol.ping();
      }, 1);
      (connection as unknown as Inner)._sock.once('close', () => clearInterval(timer));
    });
    const server = await start(sshServer(flood));
    await driver.probe(machineAt(server));
    await expect.poll(server.open, { timeout: 20_000 }).toBe(0);
  });
});

/** A packet for each byte. */
function byBytes(channel: ServerChannel, byte: string): void {
  const timer = setInterval(() => {
    for (let count = 0; count < 200; count += 1) channel.write(byte);
  }, 1);
  channel.once('close', () => clearInterval(timer));
}

/** What the library has and does not show. */
interface Inner {
  readonly _protocol: { ping(): void };
  readonly _sock: Socket;
}

describe('while hostile servers are dealt with', () => {
  let simulation: Simulation;
  beforeAll(async () => {
    simulation = await startSimulatedMachines({ count: 1, password: 'only-for-this-test' });
  });
  afterAll(() => simulation.close());

  it('a good machine is worked with as ever', { timeout: 90_000 }, async () => {
    const driver = createSshDriver({ connectLimitMs: 3_000, scriptLimitMs: 10_000 });
    const [good] = simulation.machines;
    const machine = machineAt(good ?? { port: 0 }, {
      host: '127.0.0.1',
      credential: { kind: 'password', password: 'only-for-this-test' },
    });
    try {
      await driver.probe(machine);
      let over = false;
      const hostile = Promise.all(
        RAW.map(async ([, act]) => {
          const server = await start(rawServer(act));
          for (let round = 0; round < 2; round += 1)
            await failure(driver.probe(machineAt(server)), 40_000, 3 * MOST_MEGABYTES);
        }),
      ).finally(() => {
        over = true;
      });
      let longest = 0;
      let probes = 0;
      while (!over) {
        const began = performance.now();
        await driver.probe(machine);
        longest = Math.max(longest, performance.now() - began);
        probes += 1;
        await pause(20);
      }
      await hostile;
      expect(probes).toBeGreaterThan(5);
      expect(longest).toBeLessThan(15_000);
    } finally {
      await driver.close();
    }
  });
});
