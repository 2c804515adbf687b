import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { databases } from '../support/databases.ts';
import { dockerAvailable, ensureLabImages, type LabMachine, startMachine } from '../support/docker-lab.ts';
import { adminOf, type BerthProcess, startProcess } from '../support/processes.ts';

const WITHIN = { timeout: 60_000, interval: 100 };
/** One of two machines is tried at random; after so many tries it was surely the bad one once. */
const MOST_TRIES = 40;

type Call = Awaited<ReturnType<typeof adminOf>>;

interface Case {
  readonly what: string;
  /** Breaks a machine that is ready, and whose connection Berth keeps. */
  break(machine: LabMachine): Promise<unknown>;
  /** The state that it is shown in, and words of its reason. */
  readonly state: 'checking' | 'quarantined';
  readonly reason: RegExp;
  /** Logs in as another user than root, who has sudo. */
  readonly sudo?: true;
}

const cases: Case[] = [
  { what: 'is down', break: (m) => m.kill(), state: 'checking', reason: /no SSH connection|SSH connection ended/i },
  {
    what: 'hangs',
    break: (m) => m.pause(),
    state: 'checking',
    reason: /no answer within|not done within|no SSH login/,
  },
  {
    what: 'drops in the middle of the script',
    break: dropInScript,
    state: 'checking',
    reason: /no SSH connection|ended/i,
  },
  {
    what: 'has a full disk',
    break: (m) =>
      m.exec('mount -t tmpfs -o size=1m,mode=755 tmpfs /home; cat /dev/zero >/home/filler 2>/dev/null || true'),
    state: 'checking',
    // What the creation met, or what the look at the machine after it found.
    reason: /cannot be made|only 0 MB are free/,
  },
  {
    what: 'has another host key',
    break: async (m) => {
      await m.exec('rm /etc/ssh/ssh_host_*; ssh-keygen -qA');
      await m.restart();
    },
    state: 'quarantined',
    reason: /host key/,
  },
  {
    what: 'has another password',
    break: (m) => m.exec("echo root:changed | chpasswd; pkill -KILL -f '[s]shd: root@' || true"),
    state: 'checking',
    reason: /login|password|credential/i,
  },
  {
    what: 'gives no sudo any more',
    break: (m) => m.exec('rm /etc/sudoers.d/ops'),
    state: 'checking',
    reason: /sudo|root/,
    sudo: true,
  },
  {
    what: 'prints without end',
    break: (m) =>
      m.exec(`printf '#!/bin/sh\\nwhile :; do echo "berth: os x"; done\\n' >/bin/endless; chmod 755 /bin/endless
        sed 's|^\\(root:.*:\\)[^:]*$|\\1/bin/endless|' /etc/passwd >/tmp/p && cat /tmp/p >/etc/passwd; pkill -KILL -f '[s]shd: root@' || true`),
    state: 'checking',
    reason: /prints without end/,
  },
];

describe.skipIf(!dockerAvailable())('a machine that goes bad while it is lent out', () => {
  const started: LabMachine[] = [];
  let good: LabMachine;
  let bystander: LabMachine;
  let remove: () => Promise<void>;
  let server: BerthProcess;
  let call: Call;

  beforeAll(async () => {
    await ensureLabImages();
    const made = await (databases[0] as (typeof databases)[0]).fresh();
    remove = made.remove;
    server = await startProcess('src/standalone.ts', made.database);
    call = await adminOf(server.address);
    good = await start();
    bystander = await start();
    for (const machine of [good, bystander]) await register(machine);
  });
  afterAll(async () => {
    await server?.stop();
    await remove?.();
    await Promise.all(started.map((machine) => machine.remove()));
  });

  async function start(): Promise<LabMachine> {
    const machine = await startMachine('debian', { mayMount: true });
    started.push(machine);
    return machine;
  }
  async function register({ name, host, port }: LabMachine, user: string, password: string): Promise<void>;
  async function register(machine: LabMachine): Promise<void>;
  async function register(machine: LabMachine, user = machine.user as string, password = machine.password) {
    const { name, host, port } = machine;
    expect((await call('POST', '/machines', { name, host, port, user, password })).status).toBe(201);
  }
  const isFree = async ({ name }: LabMachine): Promise<boolean> =>
    (await call('GET', '/available')).body.available.includes(name);
  const reserve = (names: string[], username: string) =>
    call('POST', '/reservations?wait=60', { count: 1, machines: names, username, reservation_password: 'test' });

  it.each(cases)('one that $what: another is lent instead, and it says why', { timeout: 180_000 }, async (one) => {
    const bad = await start();
    if (one.sudo) {
      await bad.exec(
        "useradd -m ops && echo ops:OpsWord1 | chpasswd && echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops",
      );
      await register(bad, 'ops', 'OpsWord1');
    } else {
      await register(bad);
    }
    await expect.poll(() => isFree(bad), WITHIN).toBe(true);
    await one.break(bad);

    // Meanwhile somebody else uses another machine, again and again.
    let over = false;
    const others = { served: 0, refused: [] as unknown[] };
    const bystanding = (async () => {
      while (!over) {
        const made = await reserve([bystander.name], 'neighbour');
        if (made.status !== 201) others.refused.push(made.body);
        else others.served += 1;
        await call('DELETE', `/reservations/${made.body.reservation_id}`);
        while (!(await isFree(bystander))) await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    const shown = async () => (await call('GET', `/machines/${bad.name}`)).body;
    try {
      for (let tries = 0; (await shown()).reason === null; tries++) {
        expect(tries).toBeLessThan(MOST_TRIES);
        const before = others.served;
        const made = await reserve([bad.name, good.name], 'borrower');
        expect(made, JSON.stringify(made.body)).toMatchObject({ status: 201, body: { state: 'active' } });
        const lent = made.body.machines.filter((each: { state: string }) => each.state === 'active');
        expect(lent).toMatchObject([{ machine: good.name }]);
        if (one.what === 'hangs' && (await shown()).reason !== null) expect(others.served).toBeGreaterThan(before + 1);
        await call('DELETE', `/reservations/${made.body.reservation_id}`);
        await expect.poll(() => isFree(good), WITHIN).toBe(true);
      }
    } finally {
      over = true;
      await bystanding;
    }
    expect(others.refused).toEqual([]);
    const { state, reason, mend } = await shown();
    expect({ state, reason, mend }).toEqual({
      state: one.state,
      reason: expect.stringMatching(one.reason),
      mend: expect.stringMatching(/.{10}/),
    });
    // Asked for by its name it is refused at once, in words.
    const refused = await reserve([bad.name], 'borrower');
    expect(refused).toMatchObject({ status: 409, body: { error: 'not_enough_machines' } });
    const swaps = (await call('GET', '/audit?action=reservation.machine_swapped&limit=1')).body.entries;
    expect(swaps[0].details.machine).toBe(bad.name);
  });
});

/** Ends the machine as soon as a creation is under way on it. */
async function dropInScript(machine: LabMachine): Promise<void> {
  // The script waits for this lock, so that it is surely hit.
  await machine.exec('mkdir -p /var/lib/berth; setsid flock /var/lib/berth sleep 600 >/dev/null 2>&1 &');
  machine
    .exec('until grep -q "[b]erth create-account" /proc/[0-9]*/cmdline; do sleep 0.02; done')
    .then(() => machine.kill())
    .catch(() => undefined);
}
