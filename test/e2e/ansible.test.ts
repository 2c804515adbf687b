import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { login } from '../access/ssh-login.ts';
import { dockerAvailable, ensureLabImages, startMachine } from '../support/docker-lab.ts';
import { ansibleInstalled } from '../support/parts.ts';
import { adminOf, startProcess } from '../support/processes.ts';
import { freshSqlite } from '../support/test-pool.ts';

const WITHIN = { timeout: 60_000, interval: 200 };

describe('ACCESS_DRIVER=ansible', () => {
  test.skipIf(!dockerAvailable() || !ansibleInstalled())(
    'lends machines and takes them back',
    { timeout: 120_000 },
    async () => {
      await ensureLabImages();
      const machines = await Promise.all([startMachine('debian'), startMachine('busybox')]);
      const { database, remove } = freshSqlite();
      const server = await startProcess('src/standalone.ts', database, { ACCESS_DRIVER: 'ansible' });
      try {
        const call = await adminOf(server.address);
        for (const { name, host, port, user, password } of machines) {
          await call('POST', '/machines', { name, host, port, user, password });
        }
        await expect.poll(async () => (await call('GET', '/available')).body.available.length, WITHIN).toBe(2);
        const made = await call('GET', '/reserve?count=2&duration=60&reservation_password=open-Sesame-3');
        expect(made.body.machines).toHaveLength(2);
        for (const machine of machines) {
          const session = await login(machine, made.body.username, { password: 'open-Sesame-3' });
          expect(await session.exec('echo mine')).toBe('mine');
          session.end();
        }
        await call('POST', '/release_all');
        await expect.poll(async () => (await call('GET', '/available')).body.available.length, WITHIN).toBe(2);
        for (const machine of machines) {
          expect(await machine.exec(`grep ^${made.body.username}: /etc/passwd || true`)).toBe('');
        }
        expect(server.log()).not.toContain('open-Sesame-3');
      } finally {
        await server.stop();
        remove();
        await Promise.all(machines.map((machine) => machine.remove()));
      }
    },
  );

  test('a start without Ansible, or without the playbooks, ends with one line that says what to do', async () => {
    const { database, remove } = freshSqlite();
    const folder = await mkdtemp(join(tmpdir(), 'berth-test-'));
    await mkdir(join(folder, 'empty'));
    const lineOf = (more: Record<string, string>) =>
      startProcess('src/standalone.ts', database, { ACCESS_DRIVER: 'ansible', ...more }).then(
        (server) => server.kill().then(() => 'it started'),
        (error: Error) => error.message.replace('src/standalone.ts ended at once: ', ''),
      );
    try {
      expect(await lineOf({ PATH: join(folder, 'empty') })).toBe(
        'berth: ACCESS_DRIVER=ansible: ansible-playbook is not installed; install ansible and sshpass\n',
      );
      if (ansibleInstalled()) {
        expect(await lineOf({ ACCESS_PLAYBOOKS_DIR: join(folder, 'empty') })).toMatch(
          /^berth: ACCESS_PLAYBOOKS_DIR: there is no probe\.yml in .*empty; copy .*\n$/,
        );
      }
    } finally {
      await rm(folder, { recursive: true });
      remove();
    }
  });
});
