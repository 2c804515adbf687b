import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { keyPair } from '../access/ssh-login.ts';
import { dockerAvailable, ensureLabImages, type LabMachine, startMachine } from '../support/docker-lab.ts';
import { ADMIN_PASSWORD, adminOf, type BerthProcess, startProcess } from '../support/processes.ts';
import { freshSqlite } from '../support/test-pool.ts';
import { LAUNCHER, newPerson, type Person, ran } from './berth.ts';

const WITHIN = { timeout: 60_000, interval: 200 };
const ansibleInstalled = spawnSync('ansible-inventory', ['--version'], { stdio: 'ignore' }).status === 0;

/** Containers with OpenSSH and dropbear, and the system's own ssh and ansible. */
describe.skipIf(!dockerAvailable())('berth and real machines', { timeout: 180_000 }, () => {
  let machines: [LabMachine, LabMachine];
  let database: ReturnType<typeof freshSqlite>;
  let server: BerthProcess;
  let call: Awaited<ReturnType<typeof adminOf>>;
  let person: Person;
  let privateKey: string;
  let publicKey: string;

  beforeAll(async () => {
    await ensureLabImages();
    machines = await Promise.all([startMachine('debian'), startMachine('busybox')]);
    database = freshSqlite();
    server = await startProcess('src/standalone.ts', database.database);
    call = await adminOf(server.address);
    for (const { name, host, port, user, password } of machines) {
      expect((await call('POST', '/machines', { name, host, port, user, password })).status).toBe(201);
    }
    person = newPerson();
    const words = ['login', '--server', server.address, '--user', 'admin', '--password-stdin'];
    expect(await person.berth(words, ADMIN_PASSWORD)).toMatchObject({ code: 0 });
    const pair = keyPair();
    privateKey = join(person.home, 'id');
    publicKey = join(person.home, 'id.pub');
    writeFileSync(privateKey, pair.privateKey, { mode: 0o600 });
    writeFileSync(publicKey, pair.publicKey);
  });
  afterAll(async () => {
    person?.leave();
    await server?.stop();
    database?.remove();
    await Promise.all((machines ?? []).map((machine) => machine.remove()));
  });
  beforeEach(async () => {
    await call('POST', '/release_all');
    await allFree();
  });

  const allFree = () =>
    expect.poll(async () => (await call('GET', '/available')).body.available.length, WITHIN).toBe(machines.length);
  const reserveBoth = async (): Promise<string> => {
    const made = await person.berth(['reserve', '2', '--as', 'borrower', '--key', publicKey, '--json']);
    expect(made).toMatchObject({ code: 0 });
    return made.json().reservation_id;
  };
  const ssh = (machine: LabMachine, ...words: string[]) =>
    person.berth(['ssh', '-i', privateKey, machine.name, ...words]);

  it('logs in by ssh with the pinned key, hands words on as they are, and answers the exit code', async () => {
    const id = await reserveBoth();
    for (const machine of machines) {
      expect(await ssh(machine, 'whoami')).toMatchObject({ code: 0, stdout: 'borrower\n' });
      const words = ['printf', '%s|', 'a  b', "it's", '$HOME', '-n'];
      expect(await ssh(machine, '--', ...words)).toMatchObject({ code: 0, stdout: "a  b|it's|$HOME|-n|" });
      expect(await ssh(machine, 'cd / && pwd; exit 7')).toMatchObject({ code: 7, stdout: '/\n' });
    }
    expect(await person.berth(['release', id])).toMatchObject({ code: 0 });
    // First it is being cleaned, then it is nobody's.
    await expect.poll(async () => (await ssh(machines[0], 'whoami')).code, WITHIN).toBe(6);
    expect(leftovers()).toEqual([]);
  });

  it('does not log in to a machine that shows another host key', async () => {
    await reserveBoth();
    const [machine] = machines;
    const fresh = 'rm /etc/ssh/ssh_host_*; ssh-keygen -A >/dev/null';
    await machine.exec(`mkdir /root/kept; cp -p /etc/ssh/ssh_host_* /root/kept; ${fresh}; pkill -HUP -o sshd`);
    try {
      await expect.poll(async () => (await ssh(machine, 'whoami')).code, WITHIN).toBe(255);
      const refused = await ssh(machine, 'whoami');
      expect(refused.stderr).toContain('Host key verification failed');
      expect(refused.stdout).toBe('');
    } finally {
      await machine.exec('cp -p /root/kept/* /etc/ssh/; rm -r /root/kept; pkill -HUP -o sshd');
      await expect.poll(async () => (await ssh(machine, 'whoami')).code, WITHIN).toBe(0);
    }
  });

  it('runs a command on all of them side by side, and leaves nothing', async () => {
    const words = ['run', '-n', '2', '--as', 'runner', '--for', '5m', 'echo out; echo err >&2; whoami; exit 3'];
    const result = await person.berth(words);
    expect(result.code).toBe(3);
    for (const { name } of machines) {
      expect(result.stdout).toContain(`${name} | out\n`);
      expect(result.stdout).toContain(`${name} | runner\n`);
      expect(result.stderr).toContain(`${name} | err\n`);
    }
    expect((await call('GET', '/available')).body.reserved).toEqual([]);
    expect(leftovers()).toEqual([]);
    await allFree();
    for (const machine of machines) expect(await machine.exec('cat /etc/passwd')).not.toContain('runner');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('gives everything back when a run gets %s', async (signal) => {
    const child = person.start(process.execPath, [LAUNCHER, 'run', '-n', '2', 'echo started; sleep 600']);
    let started = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      started += chunk.toString().split('started').length - 1;
    });
    const ended = ran(child);
    await expect.poll(() => started, WITHIN).toBe(2);
    child.kill(signal);
    const { code, stderr } = await ended;
    expect(stderr).toContain('broken off');
    expect(code).toBe(signal === 'SIGINT' ? 130 : 143);
    expect((await call('GET', '/available')).body.reserved).toEqual([]);
    expect(leftovers()).toEqual([]);
    await allFree();
    for (const machine of machines) expect(await machine.exec('ps ax 2>/dev/null || ps')).not.toContain('sleep 600');
  });

  it('gives everything back when a run is broken off while the machines are prepared', async () => {
    await machines[1].pause();
    const child = person.start(process.execPath, [LAUNCHER, 'run', '-n', '2', 'true']);
    const ended = ran(child);
    const reserved = async () => (await call('GET', '/available')).body.reserved.length;
    try {
      await expect.poll(reserved, WITHIN).toBe(2);
      child.kill('SIGINT');
      expect((await ended).code).toBe(130);
      expect(await reserved()).toBe(0);
    } finally {
      await machines[1].unpause();
    }
  });

  it.skipIf(!ansibleInstalled)('is an inventory that Ansible reads and uses', async () => {
    const id = await reserveBoth();
    const script = join(person.home, 'berth-inventory');
    writeFileSync(script, `#!/bin/sh\nexec '${process.execPath}' '${LAUNCHER}' inventory "$@"\n`);
    chmodSync(script, 0o755);
    const env = { ANSIBLE_HOME: join(person.home, 'ansible'), ANSIBLE_NOCOLOR: '1', LC_ALL: 'C.UTF-8' };
    const ansible = (program: string, ...words: string[]) => {
      const child = person.start(program, ['-i', script, ...words], env);
      child.stdin.end();
      return ran(child);
    };

    const listed = (await ansible('ansible-inventory', '--list')).json();
    expect(listed.berth.hosts.sort()).toEqual(machines.map(({ name }) => name).sort());
    expect(listed[`berth_${id.slice(0, 8)}`].hosts).toHaveLength(2);
    const vars = listed._meta.hostvars[machines[0].name];
    expect(vars).toMatchObject({ ansible_user: 'borrower', ansible_port: machines[0].port });
    const one = await person.berth(['inventory', '--host', machines[0].name]);
    expect(one.json()).toEqual(vars);
    expect(statSync(join(person.home, 'state/berth/known_hosts')).mode & 0o777).toBe(0o600);

    const ran_ = await ansible('ansible', 'berth', '--private-key', privateKey, '-m', 'raw', '-a', 'whoami');
    expect(ran_.code).toBe(0);
    expect(ran_.stdout.match(/^borrower\r?$/gm)).toHaveLength(2);
    expect(existsSync(join(person.home, '.ssh/known_hosts'))).toBe(false);
  });

  /** Temporary folders of berth that are still there. */
  function leftovers(): string[] {
    return readdirSync(person.home).filter((name) => name.startsWith('berth-') && name !== 'berth-inventory');
  }
});
