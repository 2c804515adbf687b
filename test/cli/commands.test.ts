import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { TOTP } from 'otpauth';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Simulation, startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';
import { ADMIN_PASSWORD, adminOf, type BerthProcess, callerOf, startProcess } from '../support/processes.ts';
import { freshSqlite } from '../support/test-pool.ts';
import { newPerson, type Person } from './berth.ts';

const WITHIN = { timeout: 30_000, interval: 100 };
const MACHINES = 3;

/** The real server with simulated machines, used by `berth` as people use it. */
describe('berth', { timeout: 120_000 }, () => {
  let simulation: Simulation;
  let database: ReturnType<typeof freshSqlite>;
  let server: BerthProcess;
  let call: Awaited<ReturnType<typeof adminOf>>;
  let person: Person;

  beforeAll(async () => {
    simulation = await startSimulatedMachines({ count: MACHINES, password: 'root password' });
    database = freshSqlite();
    server = await startProcess('src/standalone.ts', database.database);
    call = await adminOf(server.address);
    for (const [index, { name, host, port, user, password }] of simulation.machines.entries()) {
      const labels = index === 0 ? ['gpu'] : [];
      expect((await call('POST', '/machines', { name, host, port, user, password, labels })).status).toBe(201);
    }
    person = newPerson();
    expect(await login(person)).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    person?.leave();
    await server?.stop();
    database?.remove();
    await simulation?.close();
  });
  beforeEach(async () => {
    await call('POST', '/release_all');
    await expect.poll(async () => (await call('GET', '/available')).body.available.length, WITHIN).toBe(MACHINES);
  });

  const login = (who: Person, password = ADMIN_PASSWORD) =>
    who.berth(['login', '--server', server.address, '--user', 'admin', '--password-stdin'], `${password}\n`);
  const accounts = () => simulation.machines.flatMap((one) => [...one.accounts.keys()]);
  const open = async () => (await call('GET', '/reservations')).body.reservations.length;

  it('signs in, keeps the token for this user only and never the password, and signs out', async () => {
    const visitor = newPerson();
    try {
      expect(await visitor.berth(['list'])).toMatchObject({ code: 3, stdout: '' });
      const refused = await login(visitor, 'not-the-password');
      expect(refused).toMatchObject({ code: 3 });
      expect(refused.stderr).not.toContain('not-the-password');

      const done = await login(visitor);
      expect(done).toMatchObject({ code: 0, stderr: '' });
      expect(done.stdout).toContain(`Signed in to ${server.address} as admin`);
      expect(statSync(visitor.loginFile).mode & 0o777).toBe(0o600);
      expect(statSync(join(visitor.loginFile, '..')).mode & 0o777).toBe(0o700);
      expect(readFileSync(visitor.loginFile, 'utf8')).not.toContain(ADMIN_PASSWORD);
      expect((await visitor.berth(['whoami', '--json'])).json()).toEqual({
        user: 'admin',
        roles: ['admin'],
        server: server.address,
      });

      const { token } = JSON.parse(readFileSync(visitor.loginFile, 'utf8'));
      expect(await visitor.berth(['logout'])).toMatchObject({ code: 0, stdout: 'Signed out.\n' });
      expect(await visitor.berth(['whoami'])).toMatchObject({ code: 3 });
      const env = { BERTH_SERVER: server.address, BERTH_TOKEN: token };
      expect(await visitor.berth(['whoami'], '', env)).toMatchObject({ code: 0 });
      const byToken = await visitor.berth(['login', '--server', server.address, '--token-stdin'], token);
      expect(byToken).toMatchObject({ code: 0 });
      expect(await visitor.berth(['whoami'])).toMatchObject({ code: 0 });
    } finally {
      visitor.leave();
    }
  });

  it('signs in with a second factor, its code on the line after the password', async () => {
    await call('POST', '/users', { username: 'careful', password: ADMIN_PASSWORD });
    const careful = await callerOf(server.address, 'careful', ADMIN_PASSWORD);
    const { secret } = (await careful('POST', '/profile/second-factor', { password: ADMIN_PASSWORD })).body;
    const code = new TOTP({ secret }).generate();
    const [first] = (await careful('POST', '/profile/second-factor/confirm', { code })).body.recovery_codes;
    const visitor = newPerson();
    try {
      const words = ['login', '--server', server.address, '--user', 'careful', '--password-stdin'];
      const asked = await visitor.berth(words, `${ADMIN_PASSWORD}\n`);
      expect(asked).toMatchObject({ code: 2, stdout: '' });
      expect(asked.stderr).toContain('the second factor is on');
      expect(await visitor.berth(words, `${ADMIN_PASSWORD}\n${code}\n`)).toMatchObject({ code: 3 });
      expect(await visitor.berth(words, `${ADMIN_PASSWORD}\n${first}\n`)).toMatchObject({ code: 0, stderr: '' });
      expect((await visitor.berth(['whoami', '--json'])).json()).toMatchObject({ user: 'careful' });
    } finally {
      visitor.leave();
    }
  });

  it('shows the token to no other server than the one it is from', async () => {
    const heard: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      heard.push(request.headers.authorization);
      response.writeHead(302, { location: `${server.address}/api/whoami` }).end('{}');
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    try {
      expect(await person.berth(['list', '--server', address])).toMatchObject({ code: 3 });
      expect(heard).toEqual([]);
      // A server that sends its callers on does not get the token to another one either.
      const sentOn = await person.berth(['whoami', '--server', address], '', { BERTH_TOKEN: 'a-token' });
      expect(sentOn).toMatchObject({ code: 5 });
      expect(sentOn.stderr).toContain('sends callers on');
    } finally {
      other.close();
    }
  });

  it('reserves, lists, extends and gives back', async () => {
    const made = await person.berth(['reserve', '2', '--for', '1h30m', '--as', 'borrower', '--json']);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const { reservation_id: id, password, state, duration_minutes: minutes, machines } = made.json();
    expect({ state, minutes, machines: machines.length }).toEqual({ state: 'active', minutes: 90, machines: 2 });
    expect(password).toMatch(/^[\w-]{20}$/);
    expect(accounts()).toEqual(['borrower', 'borrower']);

    const list = await person.berth(['list']);
    expect(list.stdout.split('\n').filter((line) => line.startsWith(id))).toHaveLength(2);
    expect((await person.berth(['available', '--json'])).json().available).toHaveLength(1);
    const longer = await person.berth(['extend', id.slice(0, 8), '30m', '--json']);
    expect(longer.json().duration_minutes).toBe(120);
    expect((await person.berth(['extend', id, '1h', '--shorten', '--json'])).json().duration_minutes).toBe(60);

    expect(await person.berth(['release', id, machines[0].machine])).toMatchObject({ code: 0 });
    await expect.poll(() => accounts().length, WITHIN).toBe(1);
    expect(await person.berth(['release', id])).toMatchObject({ code: 0 });
    await expect.poll(() => accounts().length, WITHIN).toBe(0);
    expect(await person.berth(['list'])).toMatchObject({ code: 0, stdout: 'No reservations.\n' });
  });

  it('shows and changes limits, and says which one stands in the way', async () => {
    const limits = async (...words: string[]) => (await person.berth(['limits', ...words, '--json'])).json();
    const set = (...words: string[]) => person.berth(['users', ...words]);
    try {
      const shown = await set('set-role-limits', 'admin', '--machines', '1', '--minutes', '2h');
      expect(shown).toMatchObject({ code: 0, stderr: '' });
      expect(shown.stdout).toMatch(/machines +1\n.*reservations +no limit\n.*minutes +120\n/s);
      expect(await limits('--role', 'admin')).toMatchObject({ machines: 1, reservations: null, minutes: 120 });
      const refused = await person.berth(['reserve', '2']);
      expect(refused).toMatchObject({ code: 7, stdout: '' });
      expect(refused.stderr).toContain('you may have 1 at once; an admin can raise it: admin');
      expect(refused.stderr).toContain('berth limits');
      expect(await set('set-limits', 'admin', '--machines', 'none', '--reservations', '0')).toMatchObject({ code: 0 });
      expect(await limits()).toMatchObject({ limits: { machines: null, reservations: 0, minutes: 120 } });
      expect((await limits('--user', 'admin')).own).toMatchObject({ machines: null, reservations: 0, minutes: 'role' });
      expect((await person.berth(['limits'])).stdout).toMatch(
        /reservations +0 +0\n.*Can be raised by an admin: admin\n/s,
      );
    } finally {
      await set('set-limits', 'admin', '--machines', 'role', '--reservations', 'role');
      await set('set-role-limits', 'admin', '--machines', 'none', '--minutes', 'none');
    }
    expect(await set('set-limits', 'admin')).toMatchObject({ code: 2, stdout: '' });
    expect(await set('set-limits', 'admin', '--machines', 'many')).toMatchObject({ code: 2 });
    expect(await set('set-role-limits', 'admin', '--machines', 'role')).toMatchObject({ code: 2 });
    expect(await set('set-role-limits', 'king', '--machines', '1')).toMatchObject({ code: 2 });
    expect(await set('set-limits', 'nobody', '--machines', '1')).toMatchObject({ code: 6 });
  });

  it('reserves by label and name, with keys or a password, and without waiting', async () => {
    const [first, second] = simulation.machines.map(({ name }) => name) as [string, string];
    const byLabel = await person.berth(['reserve', '--label', 'gpu', '--password-stdin', '--json'], 'a password\n');
    expect(byLabel.json().machines.map((one: { machine: string }) => one.machine)).toEqual([first]);
    expect(byLabel.stdout).not.toContain('a password');

    const keyFile = join(person.home, 'key.pub');
    writeFileSync(keyFile, `# mine\nssh-ed25519 ${'A'.repeat(68)} me\n`);
    const byName = await person.berth(['reserve', '--machine', second, '--key', keyFile, '--no-wait', '--json']);
    expect(byName.json()).toMatchObject({ machines: [{ machine: second }] });
    expect(byName.json().password).toBeUndefined();

    writeFileSync(keyFile, '-----BEGIN OPENSSH PRIVATE KEY-----\n');
    const privateKey = await person.berth(['reserve', '--key', keyFile]);
    expect(privateKey).toMatchObject({ code: 2 });
    expect(privateKey.stderr).toContain('name the .pub file');
  });

  it.each([
    [2, ['reserve', '--for', '90 minutes'], '90m, 1h30m or 2d'],
    [2, ['reserve', 'many'], 'no number of machines'],
    [2, ['reserve', '--no-such-option'], 'unknown option'],
    [2, ['release'], 'berth release ID'],
    [2, ['release', '--all'], '--yes'],
    [2, ['reserve', '--as', 'root'], 'system account'],
    [2, ['list', '--server', 'ftp://x'], 'https://berth.example.org'],
    [3, ['list', '--server', 'http://127.0.0.1:1'], 'berth login'],
    [4, ['reserve', '99'], 'berth available'],
    [6, ['release', '00000000-0000-4000-8000-000000000000'], 'reservation'],
    [6, ['ssh', 'nowhere'], 'berth list'],
    [6, ['machines', 'show', 'nowhere'], 'nowhere'],
    [7, ['users', 'delete', 'admin', '--yes'], 'admin'],
  ])('ends with %i for %j, and says what to do', async (code, words, hint) => {
    const result = await person.berth(words);
    expect(result.stderr).toContain(hint);
    expect(result.code).toBe(code);
    expect(result.stdout).toBe('');
  });

  it('tells programs in JSON what went wrong', async () => {
    const result = await person.berth(['reserve', '99', '--json']);
    expect(result.code).toBe(4);
    expect(JSON.parse(result.stderr)).toMatchObject({ error: 'not_enough_machines', exit_code: 4 });
  });

  it('says that a server cannot be reached, and which', async () => {
    const env = { BERTH_SERVER: 'http://127.0.0.1:1', BERTH_TOKEN: 'x' };
    const result = await person.berth(['list'], '', env);
    expect(result.code).toBe(5);
    expect(result.stderr).toContain('http://127.0.0.1:1 cannot be used: nothing listens there');
  });

  it('runs a command on several machines, gives them back, and ends with the highest exit code', async () => {
    const good = await person.berth(['run', '-n', '3', '--as', 'runner', '--', 'whoami']);
    expect(good).toMatchObject({ code: 0, stderr: '' });
    const lines = good.stdout.trim().split('\n').sort();
    expect(lines).toEqual(simulation.machines.map(({ name }) => `${name} | runner`));
    await expect.poll(open, { timeout: 20_000 }).toBe(0);

    const bad = await person.berth(['run', '-n', '2', '--as', 'runner', '--json', 'no-such-program']);
    expect(bad.code).toBe(127);
    const told = bad.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(told.filter((one) => one.exit_code === 127)).toHaveLength(2);
    await expect.poll(open, { timeout: 20_000 }).toBe(0);
    await expect.poll(() => accounts().length, WITHIN).toBe(0);
  });

  it('makes API tokens for itself and for service accounts, works with them, and revokes them', async () => {
    const visitor = newPerson();
    try {
      const made = await person.berth(['tokens', 'create', 'laptop', '--scope', 'read', '--scope', 'reserve']);
      expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining('It is not shown again') });
      expect(made.stdout).toMatch(/^berth_[\w-]{43}\n$/);
      const words = ['login', '--server', server.address, '--token-stdin'];
      const signedIn = await visitor.berth(words, made.stdout);
      expect(signedIn.stdout).toMatch(/as admin until \d{4}-/);
      expect((await visitor.berth(['whoami'])).stdout).toContain('(API token laptop: read, reserve)');
      expect(await visitor.berth(['run', '--for', '5m', '--', 'whoami'])).toMatchObject({ code: 0 });
      const refused = await visitor.berth(['users', 'list']);
      expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('has not the scope "admin"') });

      expect(await person.berth(['users', 'add', 'ci', '--service'])).toMatchObject({ code: 0 });
      expect((await person.berth(['users', 'list'])).stdout).toMatch(/^ci +user +service/m);
      const forCi = (await person.berth(['tokens', 'create', 'job', '--user', 'ci', '--days', '1', '--json'])).json();
      const env = { BERTH_SERVER: server.address, BERTH_TOKEN: forCi.token };
      expect((await visitor.berth(['whoami', '--json'], '', env)).json()).toMatchObject({ user: 'ci' });
      expect((await person.berth(['tokens', 'list', '--user', 'ci'])).stdout).toMatch(/^job +read /m);

      expect(await person.berth(['tokens', 'revoke', 'laptop', '--yes'])).toMatchObject({ code: 0 });
      expect(await visitor.berth(['whoami'])).toMatchObject({ code: 3 });
      expect(await person.berth(['tokens', 'revoke', 'laptop', '--yes'])).toMatchObject({ code: 6 });
      expect(await person.berth(['tokens', 'create', 'x', '--scope', 'root'])).toMatchObject({ code: 2 });
      expect(await person.berth(['tokens', 'create', 'x', '--days', '0'])).toMatchObject({ code: 2 });
      expect(await person.berth(['users', 'delete', 'ci', '--yes'])).toMatchObject({ code: 0 });
      expect(await visitor.berth(['whoami'], '', env)).toMatchObject({ code: 3 });
    } finally {
      visitor.leave();
    }
  });

  it('manages users and shows what happened', async () => {
    expect(await person.berth(['users', 'add', 'carol', '--password-stdin'], 'first password\n')).toMatchObject({
      code: 0,
    });
    expect((await person.berth(['users', 'list'])).stdout).toMatch(/^carol +user/m);
    const carol = newPerson();
    try {
      const words = ['login', '--server', server.address, '--user', 'carol', '--password-stdin'];
      expect(await carol.berth(words, 'first password')).toMatchObject({ code: 0 });
      expect(await carol.berth(['users', 'list'])).toMatchObject({ code: 3 });
      expect(await person.berth(['users', 'set-password', 'carol', '--password-stdin'], 'second')).toMatchObject({
        code: 0,
      });
      expect(await carol.berth(['list'])).toMatchObject({ code: 3 });
      expect(await carol.berth(words, 'second')).toMatchObject({ code: 0 });
      expect(await person.berth(['users', 'disable', 'carol'])).toMatchObject({ code: 0 });
      expect(await carol.berth(['list'])).toMatchObject({ code: 3 });
    } finally {
      carol.leave();
    }
    expect(await person.berth(['users', 'delete', 'carol', '--yes'])).toMatchObject({ code: 0 });
    const audit = await person.berth(['audit', '--subject', 'carol', '--json']);
    const actions = audit.json().entries.map((one: { action: string }) => one.action);
    expect(actions[0]).toBe('user.deleted');
    expect(actions.at(-1)).toBe('user.created');
    expect(audit.stdout).not.toContain('first password');
  });

  it('manages machines', async () => {
    const [first] = simulation.machines.map(({ name }) => name) as [string];
    expect((await person.berth(['machines', 'list', '--label', 'gpu', '--json'])).json()).toHaveLength(1);
    expect(await person.berth(['machines', 'disable', first])).toMatchObject({ code: 0 });
    expect((await person.berth(['machines', 'show', first])).stdout).toMatch(/^state +disabled$/m);
    expect(await person.berth(['machines', 'enable', first])).toMatchObject({ code: 0 });
    const added = ['machines', 'add', 'extra', '--host', '127.0.0.1', '--port', '1', '--password-stdin'];
    expect(await person.berth(added, 'x')).toMatchObject({ code: 0 });
    expect(await person.berth(added, 'x')).toMatchObject({ code: 7 });
    expect(await person.berth(['machines', 'delete', 'extra', '--yes'])).toMatchObject({ code: 0 });
  });

  it('accepts a changed host key only as the one that was offered', async () => {
    const [machine] = simulation.machines as [Simulation['machines'][number]];
    machine.faults.wrongHostKey = true;
    try {
      await call('PATCH', `/machines/${machine.name}`, { disabled: true });
      await call('PATCH', `/machines/${machine.name}`, { disabled: false });
      const state = async () => (await call('GET', `/machines/${machine.name}`)).body;
      machine.dropConnections();
      await expect.poll(async () => (await state()).state, WITHIN).toBe('quarantined');
      const wrong = await person.berth(['machines', 'accept-key', machine.name, 'SHA256:x']);
      expect(wrong).toMatchObject({ code: 7 });
      const { offered_host_key_fingerprint: offered } = await state();
      expect(await person.berth(['machines', 'accept-key', machine.name, offered])).toMatchObject({ code: 0 });
      await expect.poll(async () => (await state()).state, WITHIN).toBe('ready');
    } finally {
      machine.faults.wrongHostKey = false;
      const { name, host, port, user, password } = machine;
      machine.dropConnections();
      await call('DELETE', `/machines/${name}`);
      await call('POST', '/machines', { name, host, port, user, password, labels: ['gpu'] });
    }
  });
});
