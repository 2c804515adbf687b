import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSshDriver } from '#core/access/ssh/ssh-driver.ts';
import {
  copyInto,
  dockerAvailable,
  ensureLabImages,
  type LabMachine,
  type MachineKind,
  startMachine,
} from '../support/docker-lab.ts';
import { compilerInstalled } from '../support/parts.ts';
import { accessTo, keyPair, login, newOrder } from './ssh-login.ts';

const KINDS: MachineKind[] = ['debian', 'busybox'];

/** A process whose main thread is gone looks like a dead one, while its other thread goes on writing. */
const HEADLESS = `
#include <pthread.h>
#include <unistd.h>
#include <fcntl.h>
static void *work(void *unused) {
  for (;;) { int f = open("/dev/shm/alive", O_CREAT | O_WRONLY, 0600); if (f >= 0) close(f); usleep(20000); }
}
int main(void) {
  pthread_t thread;
  if (fork()) return 0;
  setsid();
  pthread_create(&thread, 0, work, 0);
  pthread_exit(0);
}`;

describe.skipIf(!dockerAvailable()).each(KINDS)('a hostile borrower of a %s machine', (kind) => {
  const driver = createSshDriver();
  const pair = keyPair();
  let machine: LabMachine;

  beforeAll(async () => {
    await ensureLabImages();
    machine = await startMachine(kind);
  });
  afterAll(async () => {
    await driver.close();
    await machine?.remove();
  });

  async function lend() {
    const order = newOrder({ authorizedKeys: [pair.publicKey] });
    const { uid } = await driver.createAccount(accessTo(machine), order);
    const session = await login(machine, order.accountName, { privateKey: pair.privateKey });
    return { uid, exec: session.exec, takeBack: () => driver.removeAccount(accessTo(machine), order) };
  }
  /** Looks again and again: what lives for a moment only is found in one of many looks. */
  const everSeen = (uid: number) =>
    machine.exec(
      `for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do for s in /proc/[0-9]*/status; do grep -qE '^Uid:.*[[:space:]]${uid}([[:space:]]|$)' $s 2>/dev/null && ! grep -q '^State:.[ZX]' $s 2>/dev/null && echo $s; done; done; true`,
    );

  test('processes that replace themselves faster than they are looked at', { timeout: 60_000 }, async () => {
    const { uid, exec, takeBack } = await lend();
    await exec(
      `printf '%s\\n' 'touch /dev/shm/alive; sh "$0" &' >comet; for n in 1 2 3; do sh comet >/dev/null 2>&1 </dev/null & done`,
    );
    await expect.poll(() => machine.exec('ls /dev/shm'), { timeout: 10_000 }).toContain('alive');
    expect(await takeBack()).toMatchObject({ outcome: 'removed', uid });
    expect(await everSeen(uid)).toBe('');
    expect(await machine.exec('ls /dev/shm')).toBe('');
  });

  test('a process that replaces itself so and stops whatever else runs as its user', { timeout: 60_000 }, async () => {
    const { uid, exec, takeBack } = await lend();
    // His own SSH server among it, so this is never answered.
    void exec(
      `printf '%s\\n' 'trap "" HUP TERM; kill -STOP -1; >/dev/shm/alive; sh "$0" &' >medusa; sh medusa >/dev/null 2>&1 </dev/null &`,
    ).catch(() => undefined);
    await expect.poll(() => machine.exec('ls /dev/shm'), { timeout: 10_000 }).toContain('alive');
    expect(await takeBack()).toMatchObject({ outcome: 'removed', uid });
    expect(await everSeen(uid)).toBe('');
    expect(await machine.exec('ls /dev/shm')).toBe('');
  });

  test.skipIf(!compilerInstalled())('a process whose main thread has gone', { timeout: 60_000 }, async () => {
    const { uid, exec, takeBack } = await lend();
    const folder = mkdtempSync(join(tmpdir(), 'berth-test-'));
    writeFileSync(join(folder, 'headless.c'), HEADLESS);
    execFileSync('gcc', ['-static', '-pthread', '-o', join(folder, 'headless'), join(folder, 'headless.c')]);
    await copyInto(machine, join(folder, 'headless'), '/usr/local/bin/');
    rmSync(folder, { recursive: true });
    await exec('/usr/local/bin/headless >/dev/null 2>&1 </dev/null');
    await expect.poll(() => machine.exec('ls /dev/shm'), { timeout: 10_000 }).toContain('alive');
    expect(await takeBack()).toMatchObject({ outcome: 'removed', uid });
    await machine.exec('rm -f /dev/shm/alive; sleep 0.3');
    expect(await machine.exec('ls /dev/shm'), 'nobody makes it anew').toBe('');
  });

  test('names nested deeper than a path can be long', { timeout: 60_000 }, async () => {
    const { uid, exec, takeBack } = await lend();
    const name = 'd'.repeat(200);
    await exec(`for n in $(seq 60); do mkdir ${name} && cd ${name} || break; done; touch bottom`);
    await exec(`cd /tmp; for n in $(seq 30); do mkdir ${name} && cd ${name} || break; done; touch bottom`);
    expect(await takeBack()).toMatchObject({ outcome: 'removed', uid });
    expect(await machine.exec('ls -A /home /tmp | grep -v :')).toBe('');
  });

  test('a group of the account name gives no rights', async () => {
    await machine.exec("echo 'admin:x:900:' >>/etc/group");
    const order = newOrder({ accountName: 'admin', authorizedKeys: [pair.publicKey] });
    const { uid } = await driver.createAccount(accessTo(machine), order);
    const session = await login(machine, 'admin', { privateKey: pair.privateKey });
    expect(await session.exec('id -G')).toBe(String(uid));
    expect(await driver.removeAccount(accessTo(machine), order)).toMatchObject({ outcome: 'removed' });
    expect(await machine.exec('grep ^admin: /etc/group')).toBe('admin:x:900:');
    expect(await machine.exec(`grep -c :${uid}: /etc/group || true`)).toBe('0');
  });

  test.skipIf(kind !== 'debian')('all processes that there may be', { timeout: 90_000 }, async () => {
    const { uid, exec, takeBack } = await lend();
    await exec(`for n in $(seq 1000); do sleep 600 >/dev/null 2>&1 </dev/null & done`).catch(() => '');
    await expect
      .poll(async () => Number(await machine.exec(`ps -o pid= -u ${uid} | wc -l`)), { timeout: 20_000 })
      .toBeGreaterThan(200);
    expect(await takeBack()).toMatchObject({ outcome: 'removed', uid });
    expect(await everSeen(uid)).toBe('');
  });

  test.skipIf(kind !== 'debian')(
    'a program that the borrower before left to run as him',
    { timeout: 60_000 },
    async () => {
      await machine.exec('mkdir -p /srv/shared && chmod 1777 /srv/shared');
      const first = await lend();
      await first.exec('cp /usr/bin/perl /srv/shared/mine && chmod 4755 /srv/shared/mine');
      await first.takeBack();
      const second = await lend();
      await second.exec(
        `/srv/shared/mine -e '$< = $>; open(F, ">/dev/shm/his"); sleep 600' >/dev/null 2>&1 </dev/null &`,
      );
      await expect.poll(() => everSeen(first.uid), { timeout: 10_000 }).not.toBe('');
      expect(await second.takeBack()).toMatchObject({ outcome: 'removed', uid: second.uid });
      expect(await everSeen(first.uid)).toBe('');
      expect(await machine.exec('ls /dev/shm')).toBe('');
    },
  );
});
