import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AccessDriver, AccessError } from '#core/access/driver.ts';
import {
  dockerAvailable,
  ensureLabImages,
  type LabMachine,
  type MachineKind,
  startMachine,
} from '../support/docker-lab.ts';
import type { DriverUnderTest } from './drivers.ts';
import { accessTo, keyPair, newOrder } from './ssh-login.ts';

const KINDS: MachineKind[] = ['debian', 'busybox'];

/** The failure of a call, which has to fail; within the time limit of the test. */
async function failure(call: Promise<unknown>): Promise<AccessError> {
  return await call.then(
    () => {
      throw new Error('it succeeded');
    },
    (caught) => caught as AccessError,
  );
}

/** What every driver that reaches real machines says and does when something is wrong with one. */
export function testDriverFaults(subject: DriverUnderTest): void {
  const usable = dockerAvailable() && subject.installed;
  describe.skipIf(!usable).each(KINDS)(`${subject.name}: faults of a %s machine`, (kind) => testFaults(subject, kind));
  describe.skipIf(!usable)(`${subject.name}: a login user without rights`, () => testRights(subject));
}

function testFaults(subject: DriverUnderTest, kind: MachineKind): void {
  let machine: LabMachine;
  let driver: AccessDriver;

  beforeAll(async () => {
    await ensureLabImages();
    machine = await startMachine(kind, { mayMount: true });
    driver = subject.make(subject.impatient);
  });
  afterEach(() => driver.forget(machine.name));
  afterAll(async () => {
    await driver?.close();
    await machine?.remove();
  });

  test('wrong password, wrong key, unreadable key', async () => {
    // An SSH server takes its time to say no.
    const patient = subject.make({});
    for (const credential of [
      { kind: 'password', password: 'not it' },
      { kind: 'private_key', privateKey: keyPair().privateKey },
      { kind: 'private_key', privateKey: 'nonsense' },
    ] as const) {
      const error = await failure(patient.probe(accessTo(machine, { credential })));
      expect(error).toMatchObject({ name: 'AccessError', code: 'login_refused' });
      expect(error.mend).not.toBe('');
      expect(error.message).not.toContain('not it');
    }
    await patient.close();
  });

  test('another host key than the pinned one: nothing is sent, and a kept connection does not help', async () => {
    const { hostKey } = await driver.probe(accessTo(machine));
    const pinned = keyPair().publicKey.split(' ').slice(0, 2).join(' ');
    const error = await failure(driver.probe(accessTo(machine, { hostKey: pinned })));
    expect(error).toMatchObject({ code: 'host_key_changed', offeredHostKey: hostKey });
    expect((await driver.probe(accessTo(machine, { hostKey }))).hostKey).toBe(hostKey);
  });

  test('nothing listens there', async () => {
    const error = await failure(driver.probe(accessTo(machine, { id: 'nobody', port: 1 })));
    expect(error).toMatchObject({ code: 'unreachable' });
  });

  test('it hangs, before the login and on a kept connection', async () => {
    await driver.probe(accessTo(machine));
    await machine.pause();
    try {
      const kept = await failure(driver.probe(accessTo(machine)));
      expect(kept).toMatchObject({ code: 'timed_out' });
      const fresh = await failure(driver.probe(accessTo(machine, { id: 'fresh' })));
      expect(fresh).toMatchObject({ code: 'timed_out' });
    } finally {
      await machine.unpause();
    }
    await driver.probe(accessTo(machine));
  });

  test('a kept connection whose machine was restarted is made anew without a word', async () => {
    await driver.probe(accessTo(machine));
    await machine.restart();
    await driver.probe(accessTo(machine));
  });

  test('the credential changed: the kept connection is not used any more', async () => {
    const patient = subject.make({});
    await patient.probe(accessTo(machine));
    const changed = accessTo(machine, { credential: { kind: 'password', password: 'changed' } });
    expect(await failure(patient.probe(changed))).toMatchObject({ code: 'login_refused' });
    await patient.close();
  });

  test('power lost in the middle of a creation; it is completed afterwards', async () => {
    const order = newOrder({ authorizedKeys: [keyPair().publicKey] });
    await driver.probe(accessTo(machine));
    // The script waits for the lock, so it is surely under way.
    const holder = machine.exec('flock /var/lib/berth sleep 60').catch(() => undefined);
    await machine.exec('until ! flock -n /var/lib/berth true; do sleep 0.05; done');
    const creation = failure(driver.createAccount(accessTo(machine), order));
    await machine.exec('until grep -q "[b]erth create-account" /proc/[0-9]*/cmdline; do sleep 0.05; done');
    await machine.kill();
    const error = await creation;
    expect(error).toMatchObject({ code: 'unreachable' });
    await holder;
    await machine.restart();
    await driver.createAccount(accessTo(machine), order);
    expect(await driver.removeAccount(accessTo(machine), order)).toMatchObject({ outcome: 'removed' });
  });

  test('a login shell that prints without end, and one that prints nothing of use', async () => {
    await machine.exec(`printf '#!/bin/sh\\nwhile :; do echo "berth: os x"; done\\n' >/bin/endless; chmod 755 /bin/endless; echo /bin/endless >>/etc/shells
      printf '#!/bin/sh\\nprintf "\\\\033[31mred\\\\a" >&2\\n' >/bin/useless; chmod 755 /bin/useless; echo /bin/useless >>/etc/shells`);
    const shell = (path: string) =>
      machine.exec(`sed "s|^\\(root:.*:\\)[^:]*$|\\1${path}|" /etc/passwd >/tmp/p && cat /tmp/p >/etc/passwd`);
    try {
      await shell('/bin/endless');
      const endless = await failure(driver.probe(accessTo(machine)));
      expect(endless).toMatchObject({ code: 'bad_answer' });
      driver.forget(machine.name);
      await shell('/bin/useless');
      const useless = await failure(driver.probe(accessTo(machine)));
      expect(useless).toMatchObject({ code: 'bad_answer' });
      expect(useless.message).toMatch(/^[\x20-\x7e]*\?\[31mred\?[\x20-\x7e]*$/);
    } finally {
      await shell('/bin/sh');
    }
    driver.forget(machine.name);
    await driver.probe(accessTo(machine));
  });

  test('a full disk: nothing is half made, a removal still works and is never forgotten', async () => {
    await driver.probe(accessTo(machine));
    // The account files, the homes and our own files each on a tiny disk of their own.
    await machine.exec(
      `for d in etc home var/lib/berth; do mkdir -p /mnt/$d; mount -t tmpfs -o size=4m,mode=755 tmpfs /mnt/$d; cp -a /$d/. /mnt/$d/; mount --bind /mnt/$d /$d; done`,
    );
    const fill = (path: string) => machine.exec(`cat /dev/zero >${path} 2>/dev/null || true`);
    const before = await machine.exec('cat /etc/passwd /etc/group; ls -A /home');
    try {
      for (const full of ['/home/filler', '/etc/filler', '/var/lib/berth/filler']) {
        await fill(full);
        const order = newOrder({ authorizedKeys: Array.from({ length: 20 }, () => keyPair().publicKey.repeat(40)) });
        const error = await failure(driver.createAccount(accessTo(machine), order));
        expect(error, full).toMatchObject({ code: 'disk_full' });
        expect(await machine.exec('cat /etc/passwd /etc/group; ls -A /home | grep -v filler || true'), full).toBe(
          before,
        );
        await machine.exec(`rm ${full}; ls /etc/*+ /etc/*.lock 2>/dev/null; true`);
      }
      const there = newOrder();
      const { uid } = await driver.createAccount(accessTo(machine), there);
      // The borrower filled the homes: the removal makes room by itself. The fence is written on a full disk.
      await fill(`/home/${there.accountName}/filler`);
      await fill('/var/lib/berth/filler');
      expect(await driver.removeAccount(accessTo(machine), there)).toMatchObject({ outcome: 'removed', uid });
      await expect(driver.createAccount(accessTo(machine), there)).rejects.toMatchObject({ code: 'fenced_off' });
      await machine.exec('rm /var/lib/berth/filler');
      // The account files cannot be written: it says so, and succeeds later.
      const stuck = newOrder();
      await driver.createAccount(accessTo(machine), stuck);
      await fill('/etc/filler');
      const error = await failure(driver.removeAccount(accessTo(machine), stuck));
      expect(error).toMatchObject({ code: 'disk_full' });
      await machine.exec('rm /etc/filler');
      expect(await driver.removeAccount(accessTo(machine), stuck)).toMatchObject({ outcome: 'removed' });
    } finally {
      await machine.exec('umount -l /etc; umount -l /home; umount -l /var/lib/berth');
    }
  });

  test('after close, calls fail at once', async () => {
    const closed = subject.make({});
    await closed.probe(accessTo(machine));
    await closed.close();
    const error = await failure(closed.probe(accessTo(machine)));
    expect(error).toMatchObject({ name: 'AccessError', code: 'unreachable' });
  });
}

function testRights(subject: DriverUnderTest): void {
  const driver = subject.make({});
  let machine: LabMachine;

  beforeAll(async () => {
    await ensureLabImages();
    machine = await startMachine('debian');
    await machine.exec('useradd -m -s /bin/bash ops && echo ops:OpsWord1 | chpasswd');
  });
  afterAll(async () => {
    await driver.close();
    await machine?.remove();
  });

  test('without sudo rights, and without sudo', async () => {
    const access = accessTo(machine, { user: 'ops', credential: { kind: 'password', password: 'OpsWord1' } });
    expect(await failure(driver.probe(access))).toMatchObject({ code: 'no_root' });
    await machine.exec('mv /usr/bin/sudo /usr/bin/gone');
    expect(await failure(driver.probe(access))).toMatchObject({ code: 'no_root' });
  });

  test('a missing tool is named with its package', async () => {
    await machine.exec('mv /usr/bin/flock /usr/bin/gone');
    const error = await failure(driver.probe(accessTo(machine)));
    expect(error).toMatchObject({ code: 'tool_missing' });
    expect(error.message).toContain('flock is not there; install the package util-linux');
  });
}
