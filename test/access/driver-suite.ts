import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashAccountPassword } from '#core/access/account-password.ts';
import { REMOVAL_CHECKS } from '#core/access/driver.ts';
import {
  dockerAvailable,
  ensureLabImages,
  type LabMachine,
  type MachineKind,
  startMachine,
} from '../support/docker-lab.ts';
import type { DriverUnderTest } from './drivers.ts';
import { accessTo, keyPair, login, newOrder } from './ssh-login.ts';

const KINDS: MachineKind[] = ['debian', 'busybox'];

/** What every driver that reaches real machines has to do, on all kinds of machines. */
export function testDriver(subject: DriverUnderTest): void {
  const usable = dockerAvailable() && subject.installed;
  describe.skipIf(!usable).each(KINDS)(`${subject.name} on a %s machine`, (kind) => testOnMachine(subject, kind));
  describe.skipIf(!usable)(`${subject.name} as a user with sudo`, () => testWithSudo(subject));
}

function testOnMachine(subject: DriverUnderTest, kind: MachineKind): void {
  const calls: unknown[] = [];
  const driver = subject.make({ onCall: (verb, seconds, failure) => calls.push({ verb, seconds, failure }) });
  let machine: LabMachine;

  beforeAll(async () => {
    await ensureLabImages();
    machine = await startMachine(kind);
  });
  afterAll(async () => {
    await driver.close();
    await machine?.remove();
  });

  const access = () => accessTo(machine);
  const has = async (path: string) => (await machine.exec(`ls -d ${path} 2>/dev/null || true`)) !== '';
  const passwdLine = (name: string) => machine.exec(`grep ^${name}: /etc/passwd || true`);
  /** Numbers of the living processes that any of the four ids gives to the uid. */
  const processesOf = (uid: number) =>
    machine.exec(
      `for s in /proc/[0-9]*/status; do grep -q '^State:.[ZX]' $s 2>/dev/null || grep -E '^Uid:.*[[:space:]]${uid}([[:space:]]|$)' $s 2>/dev/null; done; true`,
    );

  test('probes it', async () => {
    const report = await driver.probe(access());
    expect(report.hostKey).toMatch(/^ssh-ed25519 AAAA[A-Za-z0-9+/=]+$/);
    expect(report.operatingSystem).toMatch(kind === 'debian' ? /^Debian GNU/ : /^BusyBox/);
    expect(Math.abs(report.clockSkewSeconds)).toBeLessThanOrEqual(2);
    expect(report.freeDiskMegabytes).toBeGreaterThan(20);
    expect(report.load).toBeGreaterThanOrEqual(0);
    expect(calls).toEqual([{ verb: 'probe', seconds: expect.any(Number), failure: null }]);
    // With the key pinned it goes on.
    expect((await driver.probe(accessTo(machine, { hostKey: report.hostKey }))).hostKey).toBe(report.hostKey);
  });

  test('makes an account that its password and its keys open', async () => {
    const pair = keyPair();
    const other = keyPair();
    const order = newOrder({
      passwordHash: await hashAccountPassword('open Sesame 1'),
      authorizedKeys: [other.publicKey, pair.publicKey],
    });
    const { uid, hostKey } = await driver.createAccount(access(), order);
    expect(uid).toBeGreaterThanOrEqual(20_000);
    expect(hostKey).toMatch(/^ssh-ed25519 /);
    for (const secret of [
      { password: 'open Sesame 1' },
      { privateKey: pair.privateKey },
      { privateKey: other.privateKey },
    ]) {
      const session = await login(machine, order.accountName, secret);
      expect(await session.exec('id -u; id -g; pwd; touch file && echo mine')).toBe(
        `${uid}\n${uid}\n/home/${order.accountName}\nmine`,
      );
      session.end();
    }
    await expect(login(machine, order.accountName, { password: 'wrong' })).rejects.toThrow();
    expect(
      await machine.exec(`stat -c %a /home/${order.accountName} /home/${order.accountName}/.ssh/authorized_keys`),
    ).toBe('700\n600');
    expect(await driver.removeAccount(access(), order)).toMatchObject({ outcome: 'removed', uid });
  });

  test('makes an account for keys only', async () => {
    const pair = keyPair();
    const order = newOrder({ authorizedKeys: [pair.publicKey] });
    await driver.createAccount(access(), order);
    expect(await machine.exec(`grep ^${order.accountName}: /etc/shadow | cut -d: -f2`)).toBe('*');
    const session = await login(machine, order.accountName, { privateKey: pair.privateKey });
    session.end();
    await expect(login(machine, order.accountName, { password: '' })).rejects.toThrow();
    await driver.removeAccount(access(), order);
  });

  test('does the same creation again with the same result', async () => {
    const order = newOrder({ passwordHash: await hashAccountPassword('first'), authorizedKeys: [keyPair().publicKey] });
    const first = await driver.createAccount(access(), order);
    const line = await passwdLine(order.accountName);
    await machine.exec(`touch /home/${order.accountName}/kept`);
    expect(await driver.createAccount(access(), order)).toEqual(first);
    expect(await passwdLine(order.accountName)).toBe(line);
    expect(await has(`/home/${order.accountName}/kept`)).toBe(true);
    // Cut off before it was complete: it is completed.
    const again = {
      ...order,
      passwordHash: await hashAccountPassword('second'),
      authorizedKeys: [keyPair().publicKey],
    };
    await machine.exec(`rm -rf /home/${order.accountName}`);
    expect(await driver.createAccount(access(), again)).toEqual(first);
    (await login(machine, order.accountName, { password: 'second' })).end();
    expect(await machine.exec(`cat /home/${order.accountName}/.ssh/authorized_keys`)).toBe(again.authorizedKeys[0]);
    await driver.removeAccount(access(), order);
  });

  test('takes over nothing that it did not make', async () => {
    await machine.exec(
      `echo 'bob:x:1500:1500:Bob:/home/bob:/bin/sh' >>/etc/passwd; echo 'bob:x:1500:' >>/etc/group; echo 'bob:!:19000::::::' >>/etc/shadow
       mkdir -p /home/bob /home/carl; touch /home/bob/work /home/carl/work; chown -R 1500:1500 /home/bob; touch /tmp/bobs; chown 1500 /tmp/bobs`,
    );
    const before = await machine.exec('cat /etc/passwd /etc/group /etc/shadow; ls -lnR /home');
    for (const accountName of ['bob', 'carl', 'daemon', 'root']) {
      await expect(driver.createAccount(access(), newOrder({ accountName }))).rejects.toMatchObject({
        code: 'account_exists',
      });
    }
    for (const accountName of ['bob', 'daemon']) {
      expect(await driver.removeAccount(access(), newOrder({ accountName }))).toMatchObject({
        outcome: 'foreign',
        uid: null,
      });
    }
    await expect(driver.removeAccount(access(), newOrder({ accountName: 'root' }))).rejects.toMatchObject({
      code: 'account_exists',
    });
    expect(await driver.removeAccount(access(), newOrder({ accountName: 'carl' }))).toMatchObject({
      outcome: 'absent',
    });
    expect(await machine.exec('cat /etc/passwd /etc/group /etc/shadow; ls -lnR /home')).toBe(before);
    expect(await has('/tmp/bobs')).toBe(true);
  });

  test('refuses a second allocation of the same account, and leaves the first alone', async () => {
    const pair = keyPair();
    const first = newOrder({ authorizedKeys: [pair.publicKey] });
    await driver.createAccount(access(), first);
    const second = newOrder({ accountName: first.accountName });
    await expect(driver.createAccount(access(), second)).rejects.toMatchObject({ code: 'in_use' });
    // Nor is the machine lent to another account, as it would be if it were in the pool under two addresses.
    await expect(driver.createAccount(access(), newOrder())).rejects.toMatchObject({ code: 'in_use' });
    expect(await driver.removeAccount(access(), { ...second, generation: first.generation - 1 })).toMatchObject({
      outcome: 'foreign',
    });
    (await login(machine, first.accountName, { privateKey: pair.privateKey })).end();
    expect(await driver.removeAccount(access(), first)).toMatchObject({ outcome: 'removed' });
  });

  test('removes an account with its sessions, processes and files, and nothing else', async () => {
    const pair = keyPair();
    const order = newOrder({ authorizedKeys: [pair.publicKey] });
    const name = order.accountName;
    const { uid } = await driver.createAccount(access(), order);
    const session = await login(machine, name, { privateKey: pair.privateKey });
    const silent = await login(machine, name, { privateKey: pair.privateKey });
    const open = session.exec('echo here; sleep 600');
    await session.exec(
      `nohup sleep 601 >/dev/null 2>&1 </dev/null &
       (setsid sleep 602 >/dev/null 2>&1 </dev/null &)
       sh -c 'trap "" TERM HUP; while :; do sleep 603; done' >/dev/null 2>&1 </dev/null &
       touch "/tmp/-rf" "/tmp/a b" "$(printf '/tmp/new\\nline')" /var/tmp/mine /dev/shm/mine
       mkdir -p /tmp/deep/er && touch /tmp/deep/er/.hidden && ln -s /etc /tmp/deep/link && ln -s /etc ~/link && ln -s /root /tmp/root
       mkdir ~/closed && touch ~/closed/file && chmod 000 ~/closed`,
    );
    await machine.exec(
      `mkdir -p /var/spool/cron/crontabs /var/spool/cron/atjobs /var/lib/systemd/linger /var/mail /run/user/${uid}
       cd /var/spool/cron; echo '* * * * * true' >crontabs/${name}; touch atjobs/a0001 /var/mail/${name} /var/lib/systemd/linger/${name} /run/user/${uid}/bus
       chown ${uid} crontabs/${name} atjobs/a0001 /var/mail/${name}; touch /tmp/roots`,
    );
    const passwd = await machine.exec(`grep -v ^${name}: /etc/passwd`);
    const report = await driver.removeAccount(access(), order);
    expect(report).toMatchObject({ outcome: 'removed', uid });
    expect(report.processesEnded).toBeGreaterThanOrEqual(4);
    expect(report.processesKilled, 'one ignores TERM').toBeGreaterThanOrEqual(1);
    expect(report.processesKilled).toBeLessThan(report.processesEnded);
    expect(report.sessionsEnded).toBe(2);
    expect(report.filesIn.home).toBeGreaterThanOrEqual(3);
    expect(report.filesIn.temporary).toBe(7);
    expect(report.filesIn).toMatchObject({ mail: 1, jobs: 3 });
    expect(report.filesRemoved).toBe(Object.values(report.filesIn).reduce((all, some) => all + some));
    expect(report.checked).toEqual(REMOVAL_CHECKS);
    await open;
    await session.closed;
    await silent.closed;
    expect(await processesOf(uid)).toBe('');
    expect(await machine.exec('cat /etc/passwd')).toBe(passwd);
    expect(await machine.exec(`grep -l ${name} /etc/group /etc/shadow || true`)).toBe('');
    expect(
      await machine.exec(`find / -xdev -user ${uid} -not -path '/proc/*' 2>/dev/null | head; ls /var/lib/berth/made`),
    ).toBe('');
    for (const path of [`/home/${name}`, `/run/user/${uid}`, `/var/lib/systemd/linger/${name}`, '/dev/shm/mine']) {
      expect(await has(path), path).toBe(false);
    }
    for (const path of ['/etc/hostname', '/root', '/tmp/roots']) expect(await has(path), path).toBe(true);
    await expect(login(machine, name, { privateKey: pair.privateKey })).rejects.toThrow();
  });

  test('is done after a removal: repeated it answers the same, a late creation is fenced off, the next uid is new', async () => {
    const order = newOrder();
    const { uid } = await driver.createAccount(access(), order);
    await machine.exec(`touch /tmp/left; chown ${uid} /tmp/left`);
    const report = await driver.removeAccount(access(), order);
    expect(report).toMatchObject({ outcome: 'removed', uid, filesIn: { temporary: 1 } });
    expect(await driver.removeAccount(access(), order)).toEqual(report);
    const never = newOrder();
    expect(await driver.removeAccount(access(), never)).toEqual({
      outcome: 'absent',
      uid: null,
      processesEnded: 0,
      processesKilled: 0,
      sessionsEnded: 0,
      filesRemoved: 0,
      filesIn: { home: 0, temporary: 0, mail: 0, jobs: 0 },
      checked: ['account'],
    });
    await expect(driver.createAccount(access(), order)).rejects.toMatchObject({ code: 'fenced_off' });
    await expect(driver.createAccount(access(), never)).rejects.toMatchObject({ code: 'fenced_off' });
    const next = newOrder({ accountName: order.accountName });
    expect((await driver.createAccount(access(), next)).uid).toBeGreaterThan(uid);
    await driver.removeAccount(access(), next);
    expect(await driver.removeAccount(access(), order), 'only the last answer is kept').toMatchObject({
      outcome: 'absent',
    });
  });

  test('knows its account again when the borrower changed the mark or the entry is gone', async () => {
    for (const spoil of ['s/berth=[^:]*/&,room 5/', 's/berth=[^:]*/somebody/', '/^NAME:/d']) {
      const order = newOrder();
      const { uid } = await driver.createAccount(access(), order);
      await machine.exec(
        `sed '${spoil.replace('NAME', order.accountName)}' /etc/passwd >/tmp/p && cat /tmp/p >/etc/passwd; rm /tmp/p; touch /tmp/late; chown ${uid} /tmp/late`,
      );
      expect(await driver.removeAccount(access(), order)).toMatchObject({ outcome: 'removed', uid });
      expect(await passwdLine(order.accountName)).toBe('');
      expect(await machine.exec(`ls -d /home/${order.accountName} /tmp/late 2>/dev/null || true`)).toBe('');
    }
  });

  test('a removal that waits for another one leaves the processes running that the other one may wait for', async () => {
    const pair = keyPair();
    const order = newOrder({ authorizedKeys: [pair.publicKey] });
    const { uid } = await driver.createAccount(access(), order);
    const session = await login(machine, order.accountName, { privateKey: pair.privateKey });
    await session.exec('sleep 300 >/dev/null 2>&1 </dev/null &');
    await machine.exec(
      'touch /tmp/hold; flock /var/lib/berth sh -c "touch /tmp/held; while [ -e /tmp/hold ]; do sleep 0.1; done" >/dev/null 2>&1 </dev/null & until [ -e /tmp/held ]; do sleep 0.1; done',
    );
    const removal = driver.removeAccount(access(), order);
    await expect
      .poll(() => machine.exec('ls -l /proc/[0-9]*/fd/9 2>/dev/null | grep -c /var/lib/berth || true'), {
        timeout: 20_000,
      })
      .not.toBe('0');
    const states = await machine.exec(
      `for dir in /proc/[0-9]*; do [ "$(stat -c %u $dir)" != ${uid} ] || grep ^State: $dir/status; done`,
    );
    await machine.exec('rm /tmp/hold /tmp/held');
    expect(states).toMatch(/^(State:\t[SRD][^\n]*\n?)+$/);
    expect(await removal).toMatchObject({ outcome: 'removed', uid, sessionsEnded: 1 });
  });

  test('serves many calls side by side', async () => {
    const many = subject.keepsConnections ? 12 : 4;
    const order = newOrder();
    const made = await Promise.all(Array.from({ length: many }, () => driver.createAccount(access(), order)));
    expect(new Set(made.map(({ uid }) => uid)).size).toBe(1);
    if (subject.keepsConnections && kind === 'debian') {
      expect(await machine.exec('ps ax | grep -c "[s]shd: root@"')).toBe('1');
    }
    const gone = await Promise.all(Array.from({ length: many }, () => driver.removeAccount(access(), order)));
    expect(new Set(gone.map((report) => JSON.stringify(report))).size).toBe(1);
    expect(gone[0]).toMatchObject({ outcome: 'removed', uid: made[0]?.uid });
  });
}

function testWithSudo(subject: DriverUnderTest): void {
  const driver = subject.make({});
  let machine: LabMachine;

  beforeAll(async () => {
    await ensureLabImages();
    machine = await startMachine('debian');
    await machine.exec(
      "useradd -m -s /bin/bash ops && echo ops:OpsWord1 | chpasswd && echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops",
    );
  });
  afterAll(async () => {
    await driver.close();
    await machine?.remove();
  });

  test('makes and removes an account, IPC objects included', async () => {
    const access = accessTo(machine, { user: 'ops', credential: { kind: 'password', password: 'OpsWord1' } });
    const pair = keyPair();
    const order = newOrder({ authorizedKeys: [pair.publicKey] });
    const { uid } = await driver.createAccount(access, order);
    const session = await login(machine, order.accountName, { privateKey: pair.privateKey });
    await session.exec('ipcmk -M 4096; ipcmk -Q; ipcmk -S 2');
    const objects = `ipcs | grep -c ${order.accountName} || true`;
    expect(await machine.exec(objects)).toBe('3');
    expect(await driver.removeAccount(access, order)).toMatchObject({ outcome: 'removed', uid });
    expect(await machine.exec('ipcs | grep -c 0x || true')).toBe('0');
    await session.closed;
  });

  // On one host with the machine a driver that starts programs gets too little of the processors meanwhile, and the tests
  // beside this one too; it is the same script.
  test.skipIf(!subject.keepsConnections)('survives a fork bomb', { timeout: 90_000 }, async () => {
    const access = accessTo(machine);
    const pair = keyPair();
    const order = newOrder({ authorizedKeys: [pair.publicKey] });
    const { uid } = await driver.createAccount(access, order);
    const session = await login(machine, order.accountName, { privateKey: pair.privateKey });
    // Bounded, so that the SSH server can still start a process: it runs at its bound from the first moment.
    await session.exec(`bash -c 'ulimit -u 200; perl -e "while(1){fork}" >/dev/null 2>&1 </dev/null &'`);
    await expect
      .poll(async () => Number(await machine.exec(`ps -o pid= -u ${uid} | wc -l`)), { timeout: 30_000 })
      .toBeGreaterThan(100);
    const report = await driver.removeAccount(access, order);
    expect(report).toMatchObject({ outcome: 'removed', uid });
    expect(report.processesEnded).toBeGreaterThan(64);
    expect(await machine.exec(`ps -o pid= -u ${uid} || true`)).toBe('');
  });
}
