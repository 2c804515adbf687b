import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { databases } from '../support/databases.ts';
import {
  dockerAvailable,
  ensureLabImages,
  type LabMachine,
  type MachineKind,
  startMachine,
} from '../support/docker-lab.ts';
import { adminOf, type BerthProcess, startProcess } from '../support/processes.ts';
import { connectTerminal, type TerminalClient } from '../support/terminal-client.ts';

const WITHIN = { timeout: 15_000, interval: 50 };
const KINDS: MachineKind[] = ['debian', 'busybox'];
/** How much more memory a process may take while a machine floods a terminal that nobody reads. */
const FLOOD_ROOM_KB = 64 * 1024;

type Call = Awaited<ReturnType<typeof adminOf>>;

/** Two API processes and a scheduler, with an OpenSSH machine and a dropbear one. */
describe.skipIf(!dockerAvailable()).each(databases)('terminals on real machines, on $name', ({ fresh }) => {
  const machines = new Map<MachineKind, LabMachine>();
  const processes: BerthProcess[] = [];
  const clients: TerminalClient[] = [];
  let removeDatabase: () => Promise<void>;
  let replicas: BerthProcess[];
  let calls: Call[];

  beforeAll(async () => {
    await ensureLabImages();
    for (const kind of KINDS) machines.set(kind, await startMachine(kind));
    const { database, remove } = await fresh();
    removeDatabase = remove;
    for (const entry of ['src/api/main.ts', 'src/api/main.ts', 'src/scheduler/main.ts'] as const) {
      processes.push(await startProcess(entry, database));
    }
    replicas = processes.slice(0, 2);
    calls = await Promise.all(replicas.map(({ address }) => adminOf(address)));
    for (const { name, host, port, user, password } of machines.values()) {
      expect((await call('POST', '/machines', { name, host, port, user, password })).status).toBe(201);
    }
  });
  beforeEach(() => allFree());
  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.terminate();
    await call('POST', '/release_all');
  });
  afterAll(async () => {
    await Promise.all(processes.map((one) => one.stop()));
    await removeDatabase?.();
    for (const machine of machines.values()) await machine.remove();
  });

  const allFree = async () =>
    await expect.poll(async () => (await call('GET', '/available')).body.available.length, WITHIN).toBe(KINDS.length);
  const call: Call = (...asked) => (calls[0] as Call)(...asked);
  const machineOf = (kind: MachineKind): LabMachine => machines.get(kind) as LabMachine;

  async function lend(kind: MachineKind): Promise<string> {
    const made = await call('POST', '/reservations', {
      machines: [machineOf(kind).name],
      reservation_password: 'test',
    });
    expect(made).toMatchObject({ status: 201, body: { state: 'active' } });
    return made.body.reservation_id;
  }
  /** A terminal by a ticket of the first replica, on the given one. */
  async function open(
    id: string,
    kind: MachineKind,
    more: { on?: number; resume?: string; size?: [number, number] } = {},
  ) {
    const { on = 0, resume = null, size: [cols, rows] = [80, 24] } = more;
    const given = await call('POST', '/terminal-tickets', { reservation_id: id, machine: machineOf(kind).name });
    expect(given.status).toBe(201);
    const client = await connectTerminal((replicas[on] as BerthProcess).address);
    clients.push(client);
    client.open(given.body.ticket, { cols, rows, resume });
    await expect.poll(() => client.said[0]?.type, WITHIN).toBe('opened');
    return client;
  }
  /** Types a command and waits for what it prints. */
  async function answers(client: TerminalClient, command: string, expected: string | RegExp): Promise<void> {
    client.type(`${command}\n`);
    await expect.poll(() => client.text(), WITHIN).toMatch(expected);
  }
  /** How many processes of a uid are alive. */
  const processesOf = async (kind: MachineKind, uid: string): Promise<number> => {
    const all = await machineOf(kind).exec('for one in /proc/[0-9]*/status; do cat $one 2>/dev/null; echo; done; true');
    return all.split('\n\n').filter((one) => /^Uid:\s+(\d+)/m.exec(one)?.[1] === uid && !/^State:\s+[ZX]/m.test(one))
      .length;
  };
  /** The time that a program of that name has used, as it is counted; empty when there is none. */
  const ticksOf = (kind: MachineKind, name: string) =>
    machineOf(kind).exec(`cat /proc/[0-9]*/stat 2>/dev/null | grep -F '(${name})' | cut -d ' ' -f 14,15 || true`);
  const uidOf = (kind: MachineKind) => machineOf(kind).exec('id -u admin');

  describe.each(KINDS)('%s', (kind) => {
    it('is the account of the reservation, in its home, with a terminal of its own', async () => {
      const client = await open(await lend(kind), kind, { size: [101, 33] });
      await answers(client, 'echo "I am $(whoami) in $PWD"', 'I am admin in /home/admin');
      await answers(client, 'stty size', /^33 101\r$/m);
      await answers(client, 'test -O "$(tty)" && : >"$(tty)" && echo "mine $((1 + 1))"', 'mine 2');
      await answers(client, 'echo "$TERM-$HOME-$USER"', 'xterm-256color-/home/admin-admin');
      await answers(client, `echo "secrets: $(env | grep -ciE 'berth|password|secret')"`, 'secrets: 0');
      client.say({ type: 'resize', cols: 77, rows: 22 });
      await answers(client, 'stty size', /^22 77\r$/m);
      // Ctrl-C reaches what runs, and not the shell.
      client.type('sleep 600\n');
      await expect
        .poll(() => machineOf(kind).exec('cat /proc/[0-9]*/cmdline | tr "\\0" " "'), WITHIN)
        .toContain('sleep 600');
      client.type('\u0003');
      await answers(client, 'echo "still $((2 + 2))"', 'still 4');
      client.type('exit\n');
      await expect.poll(() => client.said.at(-1), WITHIN).toEqual({ type: 'closed', reason: 'exit' });
    });

    it('stays when its socket is lost, with what it has printed meanwhile', async () => {
      const id = await lend(kind);
      const before = await open(id, kind);
      await answers(before, 'here=$((20 + 3)); echo "kept $here"', 'kept 23');
      before.type('sleep 0.3; echo "came $((40 + 2))"\n');
      await expect.poll(() => before.text(), WITHIN).toContain('came $((40');
      before.socket.terminate();
      const after = await open(id, kind, { resume: before.said[0]?.shell as string });
      expect(after.said[0]).toMatchObject({ resumed: true, shell: before.said[0]?.shell });
      await expect.poll(() => after.text(), WITHIN).toContain('came 42');
      expect(after.text()).toContain('kept 23');
      await answers(after, 'echo "again $here"', 'again 23');
    });

    it('is closed at once when the reservation is released, whoever serves it, and nothing is left running', async () => {
      for (const on of [0, 1]) {
        const id = await lend(kind);
        const client = await open(id, kind, { on });
        await answers(client, 'echo "ready $((3 + 3))"', 'ready 6');
        const uid = await uidOf(kind);
        client.type('sh -c "trap : TERM HUP; sleep 600; sleep 601"\n');
        await expect
          .poll(() => machineOf(kind).exec('cat /proc/[0-9]*/cmdline | tr "\\0" " "'), WITHIN)
          .toContain('sleep 600');
        expect((await call('DELETE', `/reservations/${id}`)).status).toBe(200);
        await expect.poll(() => client.code, WITHIN).toBe(1000);
        expect(client.said.at(-1)).toEqual({ type: 'closed', reason: 'ended' });
        await expect.poll(async () => (await call('GET', `/reservations/${id}`)).body.state, WITHIN).toBe('ended');
        expect(await processesOf(kind, uid)).toBe(0);
      }
    });

    it('gives no shell in an account of that name that is not the reservation’s', async () => {
      const id = await lend(kind);
      const kept = await machineOf(kind).exec('cat /etc/passwd');
      const files = await machineOf(kind).exec('ls /var/lib/berth/made');
      await machineOf(kind).exec(
        'sed -i "s/berth=[^:]*/somebody else/" /etc/passwd && mv /var/lib/berth/made /var/lib/berth/aside',
      );
      const client = await open(id, kind);
      await expect.poll(() => client.code, WITHIN).toBe(1000);
      expect(client.said.at(-1)).toEqual({ type: 'closed', reason: 'exit' });
      expect(client.text()).toBe('');
      await machineOf(kind).exec(
        `mv /var/lib/berth/aside /var/lib/berth/made && cat >/etc/passwd <<'END'\n${kept}\nEND`,
      );
      expect(await machineOf(kind).exec('ls /var/lib/berth/made')).toBe(files);
    });

    it('stops a flood that nobody reads, in bounded memory, while everybody else is served', {
      timeout: 60_000,
    }, async () => {
      const client = await open(await lend(kind), kind);
      await answers(client, 'echo "ready $((3 + 3))"', 'ready 6');
      const { pid } = replicas[0] as BerthProcess;
      const before = residentKb(pid);
      client.type('yes flood\n');
      await expect.poll(() => client.bytes(), WITHIN).toBeGreaterThan(1_000_000);
      client.socket.pause();
      // The machine itself has stopped when its program does nothing any more.
      const ticks: string[] = [];
      await expect
        .poll(async () => {
          ticks.push(await ticksOf(kind, 'yes'));
          return new Set(ticks.slice(-10)).size === 1 && ticks.length >= 10 && ticks.at(-1) !== '';
        }, WITHIN)
        .toBe(true);
      expect(residentKb(pid) - before).toBeLessThan(FLOOD_ROOM_KB);
      expect((await call('GET', '/machines')).status).toBe(200);
      client.socket.resume();
      client.type('\u0003');
      await expect.poll(() => ticksOf(kind, 'yes'), WITHIN).toBe('');
      await answers(client, 'echo "calm $((4 + 4))"', 'calm 8');
    });
  });

  it('a ticket of one replica is good on the other one, once in all', async () => {
    const id = await lend('debian');
    const given = (await call('POST', '/terminal-tickets', { reservation_id: id, machine: machineOf('debian').name }))
      .body;
    const both = await Promise.all(replicas.map(({ address }) => connectTerminal(address)));
    clients.push(...both);
    for (const client of both) client.open(given.ticket);
    await expect.poll(() => both.every(({ said }) => said.length > 0), WITHIN).toBe(true);
    expect(both.map(({ said }) => said[0]?.type).sort()).toEqual(['closed', 'opened']);
  });

  it('accounts are made and removed while the terminals on a machine are all in use', async () => {
    const id = await lend('debian');
    const some: TerminalClient[] = [];
    for (let i = 0; i < 4; i++) some.push(await open(id, 'debian'));
    for (const client of some) client.type('yes flood\n');
    await expect.poll(() => some.every((client) => client.bytes() > 100_000), WITHIN).toBe(true);
    const uid = await uidOf('debian');
    await call('DELETE', `/reservations/${id}`);
    await expect.poll(async () => (await call('GET', `/reservations/${id}`)).body.state, WITHIN).toBe('ended');
    expect(await processesOf('debian', uid)).toBe(0);
    for (const { said } of some) {
      await expect.poll(() => said.at(-1), WITHIN).toEqual({ type: 'closed', reason: 'ended' });
    }
  });

  it('a replica that ends sends its terminals to the other one, and leaves no shell behind', async () => {
    const id = await lend('debian');
    const client = await open(id, 'debian', { on: 1 });
    await answers(client, 'echo "ready $((3 + 3))"', 'ready 6');
    const uid = await uidOf('debian');
    expect(await processesOf('debian', uid)).not.toBe(0);
    expect(await (replicas[1] as BerthProcess).stop()).toBe(0);
    await expect.poll(() => client.code, WITHIN).toBe(1012);
    await expect.poll(() => processesOf('debian', uid), WITHIN).toBe(0);
    const again = await open(id, 'debian', { resume: client.said[0]?.shell as string });
    expect(again.said[0]).toMatchObject({ resumed: false });
    await answers(again, 'echo "back $((5 + 5))"', 'back 10');
  });
});

function residentKb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
