import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyPair, type Login, login } from '../access/ssh-login.ts';
import {
  dockerAvailable,
  ensureLabImages,
  type LabMachine,
  type MachineKind,
  startMachine,
} from '../support/docker-lab.ts';
import { adminOf, type BerthProcess, startProcess } from '../support/processes.ts';
import { freshSqlite } from '../support/test-pool.ts';

const KINDS: MachineKind[] = ['debian', 'busybox'];
const SESSIONS = 10;
/** From the end of the reservation until the machine is lent to the next one; it is seconds on an idle host. */
const BOUND_MS = 90_000;

/** Files and folders whose names are words, options, patterns or lines to a careless script. */
const ODD_FILES = String.raw`
for place in /tmp /var/tmp /dev/shm; do
  cd $place
  touch -- '-rf' '--' '*' '?[a-z]' 'a b' ' ' '$(touch pwned)' ';reboot' '..hidden' 'quote"'"'"'s' "$(printf 'new\nline')" "$(printf 'tab\there')" "$(printf '\303\244\377')"
  mkdir -p -- '-delete/in side/deeper' "$(printf 'dir\nline')" closed
  touch -- '-delete/in side/deeper/file' closed/file
  ln -s /etc '-delete/etc'; ln -s /etc/passwd 'passwd link'; ln -s / root; mkfifo pipe
  chmod 000 closed
done
cd; ln -s /etc etc; ln -s /etc/passwd passwd; ln -s ../../etc/shadow .shadow; mkdir -p sub; ln -s /etc sub/etc; ln /etc/passwd hard 2>/dev/null
chmod 000 sub; true`;

/** Holds files open, and is deaf to all but KILL. */
const DEAF = `exec 8>"$HOME/held" 9>"/tmp/-held"; trap "" HUP INT TERM; while :; do sleep 600; done`;
/** As many of itself as there may be, each in the place of one that ended, and deaf as well. */
const BOMB = `trap '' HUP TERM; while :; do sh "$0" & sh "$0" & touch /dev/shm/alive; done`;

describe.skipIf(!dockerAvailable()).each(KINDS)('the account of the worst borrower of a %s machine', (kind) => {
  let machine: LabMachine;
  let database: ReturnType<typeof freshSqlite>;
  let server: BerthProcess;
  let call: Awaited<ReturnType<typeof adminOf>>;

  beforeAll(async () => {
    await ensureLabImages();
    machine = await startMachine(kind);
    // A uid that no account of the tests beside this one has: a kernel counts a uid's processes over all its containers.
    await machine.exec(
      `mkdir -p -m 700 /var/lib/berth; echo ${kind === 'debian' ? 40_000 : 50_000} >/var/lib/berth/last-uid`,
    );
    database = freshSqlite();
    server = await startProcess('src/standalone.ts', database.database);
    call = await adminOf(server.address);
    const { name, host, port, user, password } = machine;
    expect((await call('POST', '/machines', { name, host, port, user, password })).status).toBe(201);
  });
  afterAll(async () => {
    await server?.stop();
    database?.remove();
    await machine?.remove();
  });

  /** Everything in /etc but for the backups and locks that the tools for accounts make. */
  const etc = () =>
    machine.exec(`find /etc '(' -type f -o -type l ')' ! -name '*-' ! -name .pwd.lock -exec ls -ln {} + | awk '{ print $1, $3, $4, $5, $9, $10, $11 }' | sort
      find /etc -type f ! -name '*-' ! -name .pwd.lock -exec md5sum {} + | sort`);
  const ofUid = (uid: number) =>
    machine.exec(
      `find / -xdev '(' -user ${uid} -o -group ${uid} ')' ! -path '/proc/*' 2>/dev/null; find /dev/shm /tmp -user ${uid};
       for n in 1 2 3 4 5; do for s in /proc/[0-9]*/status; do grep -qE '^Uid:.*[[:space:]]${uid}([[:space:]]|$)' $s 2>/dev/null && ! grep -q '^State:.[ZX]' $s 2>/dev/null && echo $s; done; done; true`,
    );

  it('is gone in bounded time, proven, and only then is the machine lent again', { timeout: 240_000 }, async () => {
    const before = await etc();
    const pair = keyPair();
    const order = { username: 'worst', ssh_public_keys: [pair.publicKey], reservation_password: 'open Sesame 1' };
    await expect.poll(async () => (await call('GET', '/available')).body.available.length, { timeout: 30_000 }).toBe(1);
    const made = await call('POST', '/reservations?wait=30', order);
    expect(made.status).toBe(201);
    const sessions: Login[] = [];
    for (let n = 0; n < SESSIONS; n++) {
      sessions.push(await login(machine, 'worst', { privateKey: pair.privateKey }));
    }
    const [first, second] = sessions as [Login, Login];
    const uid = Number(await first.exec('id -u'));
    await first.exec(ODD_FILES);
    await first.exec(`printf '%s\n' '${DEAF}' >deaf; for n in 1 2 3; do sh deaf >/dev/null 2>&1 </dev/null & done`);
    // As `crontab` and `at` leave them, which run as root.
    await machine.exec(
      `mkdir -p /var/spool/cron/crontabs /var/spool/cron/atjobs; cd /var/spool/cron; umask 077
       echo '* * * * * touch /tmp/from-cron' >crontabs/worst; echo 'touch /tmp/from-at' >atjobs/a0000101b2c3d4; chown ${uid} crontabs/worst atjobs/a0000101b2c3d4`,
    );
    // Everybody is busy, and nobody hangs up.
    for (const session of sessions.slice(2)) void session.exec('cat').catch(() => undefined);
    // Where nothing else bounds the account its owner leaves room for the SSH server: otherwise he would be alone on it.
    const bound = kind === 'debian' ? '' : 'ulimit -p 150 2>/dev/null || ulimit -u 150;';
    await second.exec(
      `printf '%s\n' "${BOMB.replaceAll('$0', '\\$0').replaceAll('"', '\\"')}" >bomb; (${bound} sh bomb) >/dev/null 2>&1 </dev/null &`,
    );
    // As the kernel counts them: most are gone before they could be looked at one by one.
    const running = async () =>
      await machine.exec('cat /sys/fs/cgroup/pids/pids.current || cat /sys/fs/cgroup/pids.current').catch(() => '0');
    await expect.poll(async () => Number(await running()), { timeout: 30_000 }).toBeGreaterThan(100);

    const began = Date.now();
    expect((await call('DELETE', `/reservations/${made.body.reservation_id}`)).status).toBe(200);
    let next = await call('POST', '/reservations?wait=30', { username: 'next' });
    while (next.status === 409 && Date.now() - began < BOUND_MS) {
      next = await call('POST', '/reservations?wait=30', { username: 'next' });
    }
    const took = Date.now() - began;
    expect(next.status, `after ${took} ms: ${JSON.stringify(next.body)}`).toBe(201);
    expect(took).toBeLessThan(BOUND_MS);
    expect(await ofUid(uid)).toBe('');
    await Promise.all(sessions.map((session) => session.closed));

    const ended = await call('GET', `/reservations/${made.body.reservation_id}`);
    expect(ended.body.state).toBe('ended');
    const { removal } = ended.body.machines[0];
    expect(removal).toMatchObject({ outcome: 'removed', uid });
    expect(removal.sessions_ended).toBeGreaterThanOrEqual(SESSIONS);
    expect(removal.processes_ended).toBeGreaterThan(20);
    expect(removal.processes_killed, 'those that are deaf, at the least').toBeGreaterThanOrEqual(3);
    expect(removal.files_in.temporary).toBeGreaterThanOrEqual(3 * 19);
    expect(removal.files_in.jobs).toBe(2);
    const checks = ['account', 'group', 'processes', 'sessions', 'home', 'jobs', 'files', 'ipc'];
    expect(removal.checks).toEqual(checks.map((check) => ({ check, gone: true })));
    const [account] = next.body.machines;
    expect(new Date(removal.ended_at).getTime()).toBeLessThanOrEqual(new Date(account.prepared_at).getTime());

    await call('POST', '/release_all');
    await expect.poll(async () => (await call('GET', '/available')).body.available.length, { timeout: 30_000 }).toBe(1);
    expect(await etc(), 'nothing in /etc is another than before').toBe(before);
    const look = await call('POST', `/machines/${machine.name}/verify`, {});
    expect(look).toMatchObject({ status: 200, body: { clean: true, findings: [] } });
  });
});
