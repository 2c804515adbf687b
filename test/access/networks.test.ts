import * as dns from 'node:dns';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createAnsibleDriver } from '#core/access/ansible/ansible-driver.ts';
import type { AccessDriver, MachineAccess } from '#core/access/driver.ts';
import { hostRefusal, machineNetworks } from '#core/access/networks.ts';
import { type Simulation, startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';
import { createSshDriver } from '#core/access/ssh/ssh-driver.ts';
import { createPool } from '#core/pool/create-pool.ts';
import { readConfig } from '#core/runtime/config.ts';
import { ansibleInstalled } from '../support/parts.ts';
import { freshSqlite, openTestPool } from '../support/test-pool.ts';

vi.mock('node:dns', { spy: true });
afterEach(() => vi.mocked(dns.lookup).mockReset());

/** Has look-ups of names under .example answer these addresses, one list after the other and the last one for ever. */
async function inExample(...answers: string[][]): Promise<() => number> {
  const { lookup } = await vi.importActual<typeof dns>('node:dns');
  const really = lookup.bind(dns);
  let looked = 0;
  // biome-ignore lint/suspicious/noExplicitAny: its overloads are not of interest here
  const instead: any = (name: string, options: object, answer: any) => {
    if (!name.endsWith('.example')) return really(name, options, answer);
    const found = answers[Math.min(looked, answers.length - 1)] ?? [];
    looked += 1;
    answer(
      null,
      found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  vi.mocked(dns.lookup).mockImplementation(instead);
  return () => looked;
}

describe('networks of machines', () => {
  const networks = machineNetworks(['10.0.0.0/8', '192.168.7.9', '2001:db8::/32', '::ffff:172.16.0.0/108']);

  it.each([
    '10.1.2.3',
    '192.168.7.9',
    '2001:db8::5',
    '::ffff:10.1.2.3',
    '::ffff:a01:203',
    '0:0:0:0:0:ffff:a01:203',
    '172.31.0.1',
  ])('hold %s', (address) => expect(networks.refusal(address)).toBeNull());
  it.each([
    '11.0.0.1',
    '192.168.7.8',
    '127.0.0.1',
    '::1',
    '2001:db9::1',
    '::ffff:11.0.0.1',
    '::ffff:7f00:1',
    '172.32.0.1',
    'fe80::1%eth0',
    '64:ff9b::a01:203',
    '2002:a01:203::1',
  ])('do not hold %s', (address) => expect(networks.refusal(address)).toMatch(/^is /));
  it.each([
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b::169.254.169.254',
    '64:ff9b:1::a9fe:a9fe',
    '::ffff:0:169.254.169.254',
    '::169.254.169.254',
    '2002:a9fe:a9fe::1',
    '100.100.100.200',
    '168.63.129.16',
    '::ffff:a9fe:a9fe',
    '0.0.0.0',
    '::',
    'fe80::1',
    'fd00:ec2::254',
    'fd20:ce::254',
    'fd00:c1::a9fe:a9fe',
    '224.0.0.1',
    '255.255.255.255',
  ])('never hold %s, whatever is allowed', (address) => {
    for (const list of [[], ['169.254.0.0/16', '0.0.0.0/1', '128.0.0.0/1', '::/1', '8000::/1']]) {
      expect(machineNetworks(list).refusal(address)).toContain('no machine is lent from');
    }
  });
  it('are anywhere when none is set', () => {
    for (const address of ['127.0.0.1', '8.8.8.8', '::1', 'fd00::1']) {
      expect(machineNetworks([]).refusal(address)).toBeNull();
    }
  });
  it('come from BERTH_MACHINE_NETWORKS', () => {
    expect(readConfig({ BERTH_MACHINE_NETWORKS: '10.0.0.0/8, fd00::/8' }).machineNetworks).toEqual([
      '10.0.0.0/8',
      'fd00::/8',
    ]);
    for (const wrong of ['10.0.0.0/33', 'lab.example.org', '10.0.0', '10.0.0.0/0', '10.0.0.0/8/8']) {
      expect(() => readConfig({ BERTH_MACHINE_NETWORKS: wrong }), wrong).toThrow(/^BERTH_MACHINE_NETWORKS: /);
    }
  });
});

it('an address that is not allowed is refused when it is registered or moved to; nothing is changed', async () => {
  const { database, remove } = freshSqlite();
  const core = await openTestPool(database);
  const networks = machineNetworks(['10.0.0.0/8']);
  const pool = createPool({ ...core.place, hostRefusal: (host) => hostRefusal(networks, host) });
  const machine = { port: 22, user: 'root', credential: { kind: 'password', password: 'x' } } as const;
  try {
    await pool.registerMachine(core.admin, { ...machine, name: 'inside', host: '10.0.0.1' }, core.now());
    for (const host of ['192.168.0.1', '0:0:0:0:0:ffff:c0a8:1', '169.254.169.254']) {
      const refusal = { code: 'invalid_request', message: expect.stringContaining(`host: ${host} is`) };
      await expect(
        pool.registerMachine(core.admin, { ...machine, name: 'out', host }, core.now()),
      ).rejects.toMatchObject(refusal);
      await expect(pool.updateMachine(core.admin, 'inside', { host }, core.now())).rejects.toMatchObject(refusal);
    }
    expect((await pool.listMachines()).map(({ name, host }) => [name, host])).toEqual([['inside', '10.0.0.1']]);
  } finally {
    await core.close();
    remove();
  }
});

const drivers: [string, (allowed: string[]) => AccessDriver, boolean][] = [
  ['SSH', (allowed) => createSshDriver({ networks: machineNetworks(allowed), connectLimitMs: 3_000 }), true],
  [
    'Ansible',
    (allowed) => createAnsibleDriver({ networks: machineNetworks(allowed), connectLimitMs: 3_000 }),
    ansibleInstalled(),
  ],
];

describe.each(drivers.filter(([, , usable]) => usable))('the %s driver', (_, make) => {
  let connections = 0;
  const listener = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });

  async function probe(allowed: string[], host: string): Promise<unknown> {
    connections = 0;
    const { port } = listener.address() as AddressInfo;
    const machine: MachineAccess = {
      id: host,
      name: 'm1',
      host,
      port,
      user: 'root',
      credential: { kind: 'password', password: 'x' },
      hostKey: null,
    };
    const driver = make(allowed);
    try {
      return await driver.probe(machine).catch((error: unknown) => error);
    } finally {
      await driver.close();
    }
  }
  beforeAll(() => new Promise<void>((resolve) => void listener.listen(0, '127.0.0.1', resolve)));
  afterAll(() => void listener.close());

  // The last ones are taken for addresses only when they are looked up.
  it.each(['127.0.0.1', '::ffff:127.0.0.1', '0:0:0:0:0:ffff:7f00:1', 'localhost', '127.1', '0x7f000001', '2130706433'])(
    'does not even connect to %s where it is not allowed',
    async (host) => {
      const error = await probe(['10.0.0.0/8', 'fd00::/8'], host);
      expect(error).toMatchObject({ name: 'AccessError', code: 'not_allowed' });
      expect(String(error)).toMatch(/m1: .*is in none of the networks of BERTH_MACHINE_NETWORKS/);
      expect((error as { mend: string }).mend).toContain('BERTH_MACHINE_NETWORKS');
      expect(connections).toBe(0);
    },
  );

  it('connects where it is allowed', async () => {
    for (const host of ['127.0.0.1', 'localhost']) {
      expect(await probe(['127.0.0.0/8'], host)).toMatchObject({ code: 'unreachable' });
      expect(connections).toBeGreaterThan(0);
    }
  });

  it('of the addresses of a name connects only to those that are allowed', async () => {
    await inExample(['169.254.169.254', '192.0.2.1', '127.0.0.1']);
    expect(await probe(['127.0.0.0/8'], 'mixed.example')).toMatchObject({ code: 'unreachable' });
    expect(connections).toBeGreaterThan(0);
    await inExample(['::ffff:169.254.169.254', '192.0.2.1']);
    expect(await probe(['127.0.0.0/8'], 'outside.example')).toMatchObject({ code: 'not_allowed' });
  });
});

describe.each(drivers.filter(([, , usable]) => usable))('with the %s driver', (name, make) => {
  it('a name that leads elsewhere a moment later is connected to where it was checked', async () => {
    const simulation: Simulation = await startSimulatedMachines({ count: 1, password: 'only-for-this-test' });
    const [simulated] = simulation.machines;
    const looked = await inExample(['127.0.0.1'], ['127.0.0.2']);
    const driver = make(['127.0.0.1']);
    const machine: MachineAccess = {
      id: 'm1',
      name: 'm1',
      host: 'rebound.example',
      port: simulated?.port ?? 0,
      user: 'root',
      credential: { kind: 'password', password: 'only-for-this-test' },
      hostKey: null,
    };
    try {
      expect(await driver.probe(machine)).toMatchObject({ hostKey: simulated?.hostKey });
      // The SSH driver looks up once, the Ansible driver once and hands on the address: no program looks up again.
      expect(looked(), name).toBe(1);
    } finally {
      await driver.close();
      await simulation.close();
    }
  });
});
