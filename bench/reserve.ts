// Reserve to usable account on real containers, beside the bare script over a bare connection and beside Ansible.
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'ssh2';
import { hashAccountPassword } from '#core/access/account-password.ts';
import { commandFor, inputFor } from '#core/access/ssh/scripts.ts';
import { databases } from '../test/support/databases.ts';
import { ensureLabImages, type LabMachine, startMachine } from '../test/support/docker-lab.ts';
import { adminOf, startProcess } from '../test/support/processes.ts';
import { median, table, timed } from './figures.ts';

const RUNS = 15;
const SIZES = [1, 10];

export async function benchReserve(): Promise<void> {
  await ensureLabImages();
  buildImageWithPython();
  const machines = await Promise.all(
    Array.from({ length: Math.max(...SIZES) }, () => startMachine('debian', { image: WITH_PYTHON })),
  );
  try {
    const rows = [
      [
        'machines',
        'bare script, warm (a)',
        'Ansible as it comes (b)',
        'Ansible tuned',
        'Ansible raw',
        'Berth warm',
        'Berth cold',
        'warm / (a)',
        '(b) / warm',
      ],
    ];
    for (const size of SIZES) {
      const some = machines.slice(0, size);
      const before = await bareScript(some);
      const ansible = await ansiblePlaybook(some, userModule, AS_IT_COMES);
      const tuned = await ansiblePlaybook(some, userModule, { facts: false, forks: size });
      const raw = await ansiblePlaybook(some, rawCommand, { facts: false, forks: size });
      const { warm, cold } = await berth(some);
      // Before and after: a machine that is shared with others is not equally fast all the time.
      const bare = median([...before, ...(await bareScript(some))]);
      const ms = (figure: number): string => `${figure.toFixed(0)} ms`;
      rows.push([
        String(size),
        ms(bare),
        ms(ansible),
        ms(tuned),
        ms(raw),
        ms(warm),
        ms(cold),
        (bare && warm / bare).toFixed(2),
        (ansible / warm).toFixed(1),
      ]);
    }
    table(`Reserve to usable account, medians of ${RUNS} (cold: of 3)`, rows);
  } finally {
    await Promise.all(machines.map((machine) => machine.remove()));
  }
}

const WITH_PYTHON = 'berth-bench-python';

function buildImageWithPython(): void {
  const recipe = 'FROM berth-lab-debian\nRUN apt-get update && apt-get install -y --no-install-recommends python3\n';
  execFileSync('docker', ['build', '-q', '--network', 'host', '-t', WITH_PYTHON, '-'], {
    input: recipe,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
}

/** (a) The account script, sent over connections that are open, with nothing around it. */
async function bareScript(machines: readonly LabMachine[]): Promise<number[]> {
  const forget = () => Promise.all(machines.map((machine) => machine.exec('rm -rf /var/lib/berth')));
  await forget();
  const clients = await Promise.all(machines.map(connect));
  const run = (client: Client, verb: 'create' | 'remove', n: number): Promise<void> => {
    const lines = [
      `allocation bench-${n}`,
      `generation ${n}`,
      'account bench',
      ...(verb === 'create' ? [`hash ${hash}`] : []),
    ];
    return exec(client, commandFor(verb, 'root'), inputFor(verb, lines));
  };
  const hash = hashAccountPassword('test');
  const times: number[] = [];
  try {
    for (let n = 1; n <= RUNS + 1; n++) {
      const time = await timed(() => Promise.all(clients.map((client) => run(client, 'create', n))));
      if (n > 1) times.push(time);
      await Promise.all(clients.map((client) => run(client, 'remove', n)));
    }
  } finally {
    for (const client of clients) client.end();
  }
  await forget();
  return times;
}

function connect(machine: LabMachine): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.once('ready', () => {
      client.setNoDelay(true);
      resolve(client);
    });
    client.once('error', reject);
    // A container of this run on loopback: there is no key to know it by yet.
    const { host, port, user: username, password } = machine;
    client.connect({ host, port, username, password, hostVerifier: () => true });
  });
}

function exec(client: Client, command: string, input: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) return reject(error);
      let output = '';
      channel.on('data', (chunk: Buffer) => {
        output += chunk;
      });
      channel.on('close', () => (output.includes('berth: done') ? resolve() : reject(new Error(output))));
      channel.end(input);
    });
  });
}

/** What Ansible does unless it is told otherwise: facts first, five machines at a time. */
const AS_IT_COMES = { facts: true, forks: 5 };
/** What most would write. It needs Python on the machines. */
const userModule: Playbooks = {
  create: (hash) => [{ 'ansible.builtin.user': { name: 'bench', password: hash, shell: '/bin/bash' } }],
  remove: [{ 'ansible.builtin.user': { name: 'bench', state: 'absent', remove: true } }],
};
/** The least that Ansible can do: one command, and no Python has to start on the machines. */
const rawCommand: Playbooks = {
  create: (hash) => [{ 'ansible.builtin.raw': `useradd -m -s /bin/bash -p '${hash}' bench` }],
  remove: [{ 'ansible.builtin.raw': 'userdel -r bench 2>/dev/null; true' }],
};

interface Playbooks {
  readonly create: (hash: string) => readonly object[];
  readonly remove: readonly object[];
}

/** (b) One run of `ansible-playbook` that makes the same account on all machines at once. */
async function ansiblePlaybook(
  machines: readonly LabMachine[],
  { create, remove }: Playbooks,
  { facts, forks }: { facts: boolean; forks: number },
): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-bench-'));
  const run = promisify(execFile);
  try {
    const hosts = machines.map(
      (m, i) =>
        `m${i} ansible_host=${m.host} ansible_port=${m.port} ansible_user=root ansible_password=${m.password} ansible_python_interpreter=/usr/bin/python3 ansible_ssh_common_args='-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null'`,
    );
    await writeFile(join(folder, 'hosts'), `${hosts.join('\n')}\n`, { mode: 0o600 });
    // JSON is YAML too.
    const book = (tasks: readonly object[]) => JSON.stringify([{ hosts: 'all', gather_facts: facts, tasks }]);
    await writeFile(join(folder, 'create.yml'), book(create(hashAccountPassword('test'))));
    await writeFile(join(folder, 'remove.yml'), book(remove));
    const play = (book: string) =>
      run('ansible-playbook', ['-i', join(folder, 'hosts'), '-f', String(forks), join(folder, book)]);
    const times: number[] = [];
    for (let n = 0; n < 3; n++) {
      times.push(await timed(() => play('create.yml')));
      await play('remove.yml');
    }
    return median(times);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The same through Berth: one HTTP request, answered when the accounts can be used. */
async function berth(machines: readonly LabMachine[]): Promise<{ warm: number; cold: number }> {
  const { database, remove } = await (databases[0] as (typeof databases)[0]).fresh();
  const cold: number[] = [];
  const warm: number[] = [];
  try {
    for (let start = 0; start < 3; start++) {
      const server = await startProcess('src/standalone.ts', database, { LOG_LEVEL: 'info' });
      const call = await adminOf(server.address);
      const free = async (): Promise<void> => {
        while ((await call('GET', '/available')).body.available.length < machines.length) {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      };
      if (start === 0) {
        for (const { name, host, port, user, password } of machines) {
          await call('POST', '/machines', { name, host, port, user, password });
        }
      }
      await free();
      const reserve = async (): Promise<number> => {
        const time = await timed(() => call('GET', `/reserve?count=${machines.length}&reservation_password=test`));
        await call('POST', '/release_all');
        await free();
        return time;
      };
      // After a start no connection is open, unless a probe was due; the first run of the first start follows the probes.
      const first = await reserve();
      if (start > 0) cold.push(first);
      if (start === 0) for (let n = 0; n < RUNS; n++) warm.push(await reserve());
      await server.stop();
    }
  } finally {
    await remove();
  }
  return { warm: median(warm), cold: median(cold) };
}
