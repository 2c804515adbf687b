import SqliteDatabase from 'better-sqlite3';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '#core/store/dialect.ts';
import { keyPair, type Login, login } from '../access/ssh-login.ts';
import { databases } from '../support/databases.ts';
import { dockerAvailable, ensureLabImages, type LabMachine, startMachine } from '../support/docker-lab.ts';
import { adminOf, type BerthProcess, startProcess } from '../support/processes.ts';

const WITHIN = { timeout: 30_000, interval: 100 };
const PASSWORD = 'open Sesame 1';
const ACCOUNT = 'admin';

type Call = Awaited<ReturnType<typeof adminOf>>;

/** What a borrower leaves running and lying about. */
const TRACES = `
  nohup sleep 601 >/dev/null 2>&1 </dev/null &
  (setsid sh -c 'sleep 602 & exec sleep 603' >/dev/null 2>&1 </dev/null &)
  sh -c 'trap "" TERM HUP; while :; do sleep 604; done' >/dev/null 2>&1 </dev/null &
  echo left >/tmp/left-by-borrower; echo left >"/var/tmp/left by borrower"; echo left >~/work
  command -v crontab >/dev/null && echo '* * * * * touch /tmp/from-cron' | crontab -
  true`;

/** The server as `npm start` runs it, with an OpenSSH machine and a dropbear one. */
describe.skipIf(!dockerAvailable()).each(databases)('real machines, on $name', ({ fresh }) => {
  let machines: LabMachine[];
  let database: Database;
  let remove: () => Promise<void>;
  let server: BerthProcess;
  let call: Call;

  beforeAll(async () => {
    await ensureLabImages();
    machines = await Promise.all([startMachine('debian'), startMachine('busybox')]);
    ({ database, remove } = await fresh());
    server = await startProcess('src/standalone.ts', database);
    call = await adminOf(server.address);
    for (const { name, host, port, user, password } of machines) {
      expect((await call('POST', '/machines', { name, host, port, user, password })).status).toBe(201);
    }
  });
  afterAll(async () => {
    await server?.stop();
    await remove?.();
    await Promise.all((machines ?? []).map((machine) => machine.remove()));
  });

  const allFree = () =>
    expect.poll(async () => (await call('GET', '/available')).body.available.length, WITHIN).toBe(machines.length);

  beforeEach(async () => {
    await call('POST', '/release_all');
    await allFree();
  });

  const endings: [string, (id: string) => Promise<unknown>][] = [
    ['its time is up', (id) => timeIsUp(database, id)],
    ['it is released', (id) => call('DELETE', `/reservations/${id}`)],
    [
      'its machines are given back one by one',
      (id) => Promise.all(machines.map(({ name }) => call('DELETE', `/reservations/${id}/machines/${name}`))),
    ],
    ['everything is released', () => call('POST', '/release_all')],
  ];
  const uids = new Map<string, number>();

  it.each(endings)(
    'access by password and by key, until %s; then nothing is left',
    { timeout: 60_000 },
    async (_, end) => {
      const pair = keyPair();
      const made = await call('POST', '/reservations?wait=30', {
        count: machines.length,
        reservation_password: PASSWORD,
        ssh_public_keys: [pair.publicKey],
      });
      expect(made).toMatchObject({ status: 201, body: { state: 'active' } });
      const sessions: Login[] = [];
      const left: { machine: LabMachine; uid: number }[] = [];
      for (const machine of machines) {
        const byPassword = await login(machine, ACCOUNT, { password: PASSWORD });
        const byKey = await login(machine, ACCOUNT, { privateKey: pair.privateKey });
        const uid = Number(await byPassword.exec('id -u'));
        expect(await byKey.exec('whoami')).toBe(ACCOUNT);
        expect(uid, 'a uid that nobody had before').toBeGreaterThan(uids.get(machine.name) ?? 19_999);
        uids.set(machine.name, uid);
        await byKey.exec(TRACES);
        expect(await processesOf(machine, uid)).toBeGreaterThanOrEqual(4);
        sessions.push(byPassword, byKey);
        left.push({ machine, uid });
      }
      await end(made.body.reservation_id);
      await Promise.all(sessions.map((session) => session.closed));
      await allFree();
      for (const { machine, uid } of left) {
        expect(await processesOf(machine, uid)).toBe(0);
        expect(await machine.exec(`grep -h ^${ACCOUNT}: /etc/passwd /etc/shadow /etc/group || true`)).toBe('');
        expect(
          await machine.exec(
            `find / -xdev '(' -user ${uid} -o -group ${uid} ')' -not -path '/proc/*' 2>/dev/null || true`,
          ),
        ).toBe('');
        expect(
          await machine.exec(
            `ls -d /home/${ACCOUNT} /tmp/left* /var/tmp/left* /var/spool/cron/crontabs/${ACCOUNT} 2>/dev/null || true`,
          ),
        ).toBe('');
        await expect(login(machine, ACCOUNT, { password: PASSWORD })).rejects.toThrow();
        await expect(login(machine, ACCOUNT, { privateKey: pair.privateKey })).rejects.toThrow();
      }
    },
  );

  it.each(['root', 'daemon'])('the system account %s is refused before anything is sent', async (username) => {
    const before = await Promise.all(machines.map(accountFiles));
    const answer = await call('GET', `/reserve?count=1&reservation_password=test&username=${username}`);
    expect(answer).toMatchObject({ status: 400, body: { error: 'account_name_refused' } });
    expect(await Promise.all(machines.map(accountFiles))).toEqual(before);
  });

  it('an account that somebody made by hand is refused, and left as it is', async () => {
    for (const machine of machines) {
      await machine.exec(
        `echo 'bob:x:1500:1500:Bob:/home/bob:/bin/sh' >>/etc/passwd; echo 'bob:x:1500:' >>/etc/group; echo 'bob:!:19000::::::' >>/etc/shadow
         mkdir -p /home/bob && echo his >/home/bob/work && chown -R 1500:1500 /home/bob`,
      );
    }
    const before = await Promise.all(machines.map(accountFiles));
    const answer = await call('GET', '/reserve?count=1&reservation_password=test&username=bob');
    expect(answer).toMatchObject({ status: 503, body: { error: 'preparation_failed' } });
    expect(answer.body.message).toContain('bob');
    await allFree();
    expect(await Promise.all(machines.map(accountFiles))).toEqual(before);
    for (const machine of machines) expect(await machine.exec('cat /home/bob/work')).toBe('his');
  });
});

const accountFiles = (machine: LabMachine) => machine.exec('cat /etc/passwd /etc/group /etc/shadow; ls -lnR /home');

/** How many living processes have the uid. */
async function processesOf(machine: LabMachine, uid: number): Promise<number> {
  const count = await machine.exec(
    `for s in /proc/[0-9]*/status; do grep -q '^State:.[ZX]' $s 2>/dev/null || grep -E '^Uid:[[:space:]]+${uid}[[:space:]]' $s 2>/dev/null; done | wc -l`,
  );
  return Number(count);
}

/** Lets a reservation's end be now, as if its minutes had passed. */
async function timeIsUp(database: Database, id: string): Promise<void> {
  if (database.dialect === 'sqlite') {
    const file = new SqliteDatabase(database.file, { timeout: 5_000 });
    file.prepare('UPDATE reservations SET ends_at = ? WHERE id = ?').run(Date.now(), id);
    file.close();
  } else {
    const { dialect: _, ...options } = database;
    const connection = await createConnection(options);
    await connection.query('UPDATE reservations SET ends_at = ? WHERE id = ?', [Date.now(), id]);
    await connection.end();
  }
}
