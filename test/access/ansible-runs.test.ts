import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createAnsibleDriver } from '#core/access/ansible/ansible-driver.ts';
import type { AccessError } from '#core/access/driver.ts';
import { dockerAvailable, ensureLabImages, type LabMachine, startMachine } from '../support/docker-lab.ts';
import { ansibleInstalled } from '../support/parts.ts';
import { ansibleLab, type Lab, ofAllProcesses } from './ansible-lab.ts';
import { accessTo, newOrder } from './ssh-login.ts';

vi.setConfig({ testTimeout: 90_000 });

/** A length of sleep that nobody else on this host uses. */
const someSeconds = () => randomInt(100_000, 999_999_999);

/** Hangs here, not on the machine, and starts a process that leaves its group and its session. */
const HANGS = (seconds: number) => `
- name: Hang
  ansible.builtin.raw: setsid sleep ${seconds} & sleep ${seconds}
  delegate_to: localhost
  vars: {ansible_connection: local}
`;

describe.skipIf(!dockerAvailable() || !ansibleInstalled())('runs of Ansible', () => {
  let lab: Lab;
  let machine: LabMachine;
  let other: LabMachine;
  let third: LabMachine;

  beforeAll(async () => {
    await ensureLabImages();
    [machine, other, third] = await Promise.all([
      startMachine('debian'),
      startMachine('busybox'),
      startMachine('busybox'),
    ]);
  });
  afterAll(() => Promise.all([machine?.remove(), other?.remove(), third?.remove()]));
  beforeEach(async () => {
    lab = await ansibleLab();
  });
  afterEach(async () => {
    expect(await lab.runs()).toEqual([]);
    await lab.remove();
  });

  const sleeping = async (seconds: number) =>
    (await ofAllProcesses('cmdline')).filter((text) => text.includes(`sleep ${seconds}`)).length;
  const failure = (call: Promise<unknown>): Promise<AccessError> =>
    call.then(
      () => Promise.reject(new Error('it succeeded')),
      (error: AccessError) => error,
    );

  test('one bad machine does not sink or delay the others of the same run', async () => {
    const driver = createAnsibleDriver({ connectLimitMs: 4_000, scriptLimitMs: 6_000 });
    const access = accessTo(machine);
    await Promise.all([driver.probe(access), driver.probe(accessTo(other))]);
    const holder = other.exec('flock /var/lib/berth sleep 60').catch(() => undefined);
    await other.exec('until ! flock -n /var/lib/berth true; do sleep 0.05; done');
    const order = newOrder();
    const done: string[] = [];
    const note = (name: string) => (result: unknown) => {
      done.push(name);
      return result;
    };
    const calls = [
      driver.createAccount(access, order).then(note('good')),
      failure(driver.createAccount(accessTo(other), newOrder())).then(note('hanging')),
      failure(driver.createAccount(accessTo(machine, { id: 'away', port: 1 }), newOrder())).then(note('away')),
      failure(
        driver.createAccount(accessTo(third, { credential: { kind: 'password', password: 'no' } }), newOrder()),
      ).then(note('refused')),
    ];
    await expect.poll(lab.runs, { interval: 5 }).toHaveLength(1);
    const [good, hanging, away, refused] = await Promise.all(calls);
    expect(good).toMatchObject({ uid: expect.any(Number) });
    expect(hanging).toMatchObject({ code: 'timed_out' });
    expect(away).toMatchObject({ code: 'unreachable' });
    expect(refused).toMatchObject({ code: 'login_refused' });
    expect(done[0]).toBe('away');
    expect(done.indexOf('good')).toBeLessThan(done.indexOf('hanging'));
    await other.exec('pkill sleep || killall sleep');
    await holder;
    expect(await driver.removeAccount(access, order)).toMatchObject({ outcome: 'removed' });
    await driver.close();
  });

  test('tasks of the team run around ours and know the account; one that fails counts', async () => {
    const playbooksDir = await lab.playbooks({
      'before-create.yml': `
- name: May fail
  ansible.builtin.raw: exit 3
  ignore_errors: true
- block:
    - name: Fails too
      ansible.builtin.raw: exit 4
  rescue:
    - name: Before
      ansible.builtin.raw: id {{ berth_account }} >/dev/null 2>&1 || echo before {{ berth_account }} >>/hooks
`,
      'after-create.yml': `
- name: After
  ansible.builtin.raw: echo after $(id -u {{ berth_account }}) = {{ berth_done.uid }} on {{ berth_machine }} >>/hooks
`,
      'before-remove.yml': `
- name: License server gives the seat back
  ansible.builtin.raw: '[ -e /seat ] || { echo no seat >&2; exit 1; }'
`,
      'after-remove.yml': `
- name: After removal
  ansible.builtin.raw: echo gone {{ berth_done.outcome }} >>/hooks
`,
    });
    const driver = createAnsibleDriver({ playbooksDir });
    const access = accessTo(machine);
    const order = newOrder();
    const { uid } = await driver.createAccount(access, order);
    const error = await failure(driver.removeAccount(access, order));
    expect(error).toMatchObject({ code: 'bad_answer' });
    expect(error.message).toContain('the task "License server gives the seat back" of the playbook failed');
    expect(await machine.exec(`id -u ${order.accountName}`)).toBe(String(uid));
    await machine.exec('touch /seat');
    expect(await driver.removeAccount(access, order)).toMatchObject({ outcome: 'removed', uid });
    expect(await machine.exec('cat /hooks')).toBe(
      `before ${order.accountName}\nafter ${uid} = ${uid} on ${machine.name}\ngone removed`,
    );
    await driver.close();
  });

  test('a playbook that Ansible cannot read is said, and what Berth itself runs does not fail with it', async () => {
    const driver = createAnsibleDriver({ playbooksDir: await lab.playbooks({ 'after-create.yml': '- name: [' }) });
    const error = await failure(driver.createAccount(accessTo(machine), newOrder()));
    expect(error).toMatchObject({ code: 'bad_answer', mend: expect.stringContaining('--syntax-check') });
    await driver.probe(accessTo(machine));
    await driver.close();
  });

  test('at the time limit a run is killed with all that it started, and leaves nothing', async () => {
    const seconds = someSeconds();
    const playbooksDir = await lab.playbooks({ 'before-create.yml': HANGS(seconds) });
    const driver = createAnsibleDriver({ playbooksDir, runLimitMs: 4_000 });
    const call = failure(driver.createAccount(accessTo(machine), newOrder()));
    await expect.poll(() => sleeping(seconds), { timeout: 10_000 }).toBeGreaterThan(1);
    expect(await call).toMatchObject({ code: 'timed_out' });
    await expect.poll(() => sleeping(seconds)).toBe(0);
    await expect.poll(lab.runs).toEqual([]);
    await driver.close();
  });

  test('closing the driver ends what runs at once', async () => {
    const seconds = someSeconds();
    const playbooksDir = await lab.playbooks({ 'before-create.yml': HANGS(seconds) });
    const driver = createAnsibleDriver({ playbooksDir });
    const call = failure(driver.createAccount(accessTo(machine), newOrder()));
    await expect.poll(() => sleeping(seconds), { timeout: 10_000 }).toBeGreaterThan(1);
    await driver.close();
    expect(await call).toMatchObject({ code: 'unreachable' });
    expect(await sleeping(seconds)).toBe(0);
  });

  test('what a killed process left is swept by the next start; what a living one has is not', async () => {
    const seconds = someSeconds();
    const playbooksDir = await lab.playbooks({ 'before-create.yml': HANGS(seconds) });
    const program = `
      const { createAnsibleDriver } = await import('#core/access/ansible/ansible-driver.ts');
      const { access, order, playbooksDir } = JSON.parse(process.env.CALL);
      await createAnsibleDriver({ playbooksDir }).createAccount(access, order);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, CALL: JSON.stringify({ access: accessTo(machine), order: newOrder(), playbooksDir }) },
      stdio: 'inherit',
    });
    const ended = once(child, 'exit');
    const living = createAnsibleDriver();
    try {
      await expect.poll(() => sleeping(seconds), { timeout: 15_000 }).toBeGreaterThan(1);
      await living.probe(accessTo(other));
      expect(await sleeping(seconds)).toBeGreaterThan(1);
      await expect.poll(lab.runs).toHaveLength(1);
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
    const foreign = join(lab.folder, 'tmp', 'berth-ansible-notes');
    await mkdir(foreign);
    await writeFile(join(foreign, 'kept'), '');
    const next = createAnsibleDriver();
    await next.probe(accessTo(other));
    expect(await sleeping(seconds)).toBe(0);
    await expect.poll(lab.runs).toEqual(['berth-ansible-notes']);
    await rm(foreign, { recursive: true });
    await Promise.all([living.close(), next.close()]);
  });
});
