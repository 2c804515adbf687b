import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { TOTP } from 'otpauth';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Database } from '#core/store/dialect.ts';
import { keyPair } from '../access/ssh-login.ts';
import { admin } from '../admin/run-admin.ts';
import { newPerson } from '../cli/berth.ts';
import { dockerAvailable, ensureLabImages, startMachine } from '../support/docker-lab.ts';
import { mariadbInstalled, startMariadb } from '../support/mariadb.ts';
import { ansibleInstalled } from '../support/parts.ts';
import { callerOf, startProcess, urlOf } from '../support/processes.ts';
import { connectTerminal } from '../support/terminal-client.ts';
import { found, foundInFiles, type Secrets, watchArguments } from './look-for.ts';

vi.setConfig({ testTimeout: 240_000 });

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const made = (kind: string): string => `${kind}-${randomBytes(12).toString('base64url')}`;

interface Place {
  readonly database: Database;
  /** Where the database keeps its files. */
  readonly files: string;
}
async function onSqlite(folder: string): Promise<Place> {
  mkdirSync(join(folder, 'database'));
  const file = join(folder, 'database', 'berth.sqlite');
  return { database: { dialect: 'sqlite', file }, files: dirname(file) };
}
async function onMariadb(): Promise<Place> {
  const server = await startMariadb();
  ends.push(() => server.remove());
  await server.createDatabase('berth');
  const connection = await createConnection(server.url);
  const [rows] = await connection.query('SELECT @@datadir AS place');
  await connection.end();
  const { port } = new URL(server.url);
  return {
    database: {
      dialect: 'mariadb',
      host: '127.0.0.1',
      port: Number(port),
      user: 'berth',
      password: 'berth',
      database: 'berth',
    },
    files: (rows as { place: string }[])[0]?.place as string,
  };
}

const CASES = [
  ['SQLite', 'ssh', onSqlite, true],
  ['MariaDB', 'ssh', onMariadb, mariadbInstalled()],
  ['SQLite', 'ansible', onSqlite, ansibleInstalled()],
] as const;

describe.skipIf(!dockerAvailable())('secrets', () => {
  for (const [name, driver, place, usable] of CASES) {
    it.skipIf(!usable)(`are in no log, no argument, no file and no backup (${name}, ${driver})`, () =>
      goThrough(driver, place),
    );
  }
});

/** A day in the life of Berth, with everything that is secret in it made for this test; then all places are searched. */
async function goThrough(driver: string, open: (folder: string) => Promise<Place>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-secrets-'));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  await ensureLabImages();
  const machines = await Promise.all([startMachine('debian'), startMachine('debian')]);
  ends.push(() => Promise.all(machines.map((machine) => machine.remove())));
  const [byPassword, byKey] = machines as [(typeof machines)[0], (typeof machines)[0]];
  const pair = keyPair();
  await byKey.exec(`mkdir -p /root/.ssh && echo '${pair.publicKey}' >>/root/.ssh/authorized_keys`);
  const { database, files } = await open(folder);

  // Not secret, and found all the same: were the search blind in a place, these would tell.
  const canaries = {
    label: `c${randomBytes(8).toString('hex')}`,
    user: `canary-${randomBytes(8).toString('hex')}`,
    argument: made('canary'),
  };
  const secretKey = randomBytes(32);
  const secrets: Secrets = {
    'the admin password': made('admin'),
    'a user password': made('user'),
    'a changed password': made('changed'),
    'a wrong password': made('wrong'),
    'a reservation password in a query': made('query'),
    'a reservation password in a body': made('body'),
    'a password in a broken body': made('broken'),
    'a password in an unknown field': made('field'),
    'a password of the command line': made('cli'),
    'a machine password': byPassword.password,
    'a wrong machine password': made('machine'),
    'the JWT secret': made('jwt-secret-that-is-long-enough'),
    'the secret key': secretKey.toString('base64'),
    'the secret key in hex': secretKey.toString('hex'),
    'the metrics token': made('metrics'),
    'the secret of the identity provider': made('oidc'),
  };
  for (const [index, line] of pair.privateKey.split('\n').entries()) {
    if (line.length > 20 && !line.includes('-----')) secrets[`line ${index} of a private key`] = line;
  }
  const settings = {
    LOG_LEVEL: 'trace',
    ACCESS_DRIVER: driver,
    ADMIN_DEFAULT_PASSWORD: secrets['the admin password'] as string,
    JWT_SECRET: secrets['the JWT secret'] as string,
    BERTH_SECRET_KEY: secrets['the secret key'] as string,
    METRICS_TOKEN: secrets['the metrics token'] as string,
    BERTH_PUBLIC_URL: 'http://127.0.0.1',
    // Nobody answers there, which is told in the log.
    OIDC_ISSUER: 'http://127.0.0.1:9',
    OIDC_CLIENT_ID: 'berth',
    OIDC_CLIENT_SECRET: secrets['the secret of the identity provider'] as string,
    BERTH_DATA_DIR: join(folder, 'data'),
    TMPDIR: join(folder, 'tmp'),
  };
  mkdirSync(settings.TMPDIR);
  const watch = watchArguments();
  const server = await startProcess('src/standalone.ts', database, settings);
  ends.push(() => server.kill());
  let log = '';
  const stop = async (): Promise<void> => {
    await server.stop();
    log += server.log();
  };
  const secret = (what: string): string => secrets[what] as string;

  // Signing in, well and badly, in bodies and by the command line.
  const call = await callerOf(server.address, 'admin', secret('the admin password'));
  const plain = (path: string, more: RequestInit = {}): Promise<Response> =>
    fetch(`${server.address}/api${path}`, more);
  const post = (path: string, body: string, token?: string): Promise<Response> =>
    plain(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      body,
    });
  const signIn = (username: string, password: string): string => JSON.stringify({ username, password });
  await post('/login', signIn('admin', secret('a wrong password')));
  await post('/login', `{"username": "admin", "password": "${secret('a password in a broken body')}`);
  await post(
    '/login',
    JSON.stringify({ username: 'admin', [secret('a password in an unknown field')]: 1, password: 'x' }),
  );
  const session = await post('/session', signIn('admin', secret('the admin password')));
  secrets['a refresh token'] = /berth_refresh=([^;]+)/.exec(session.headers.get('set-cookie') ?? '')?.[1] as string;
  const renewed = await plain('/session/refresh', {
    method: 'POST',
    headers: { cookie: `berth_refresh=${secret('a refresh token')}`, 'x-berth-refresh': '1' },
  });
  secrets['the next refresh token'] = /berth_refresh=([^;]+)/.exec(
    renewed.headers.get('set-cookie') ?? '',
  )?.[1] as string;
  secrets['an access token'] = ((await renewed.json()) as { access_token: string }).access_token;
  await fetch(`${server.address}/metrics`, { headers: { authorization: `Bearer ${secret('the metrics token')}` } });

  // Users and machines.
  const user = { username: canaries.user, password: secret('a user password') };
  expect((await call('POST', '/users', user)).status).toBe(201);
  const userToken = (
    (await (await post('/login', signIn(user.username, user.password))).json()) as { access_token: string }
  ).access_token;
  secrets["a user's access token"] = userToken;
  const change = { old_password: user.password, new_password: secret('a changed password') };
  expect((await post('/profile/password', JSON.stringify(change), userToken)).status).toBe(200);
  await plain('/oidc/start', { redirect: 'manual' });

  // A second factor, used in both ways, and an API token.
  const changed = signIn(user.username, secret('a changed password'));
  const again = ((await (await post('/login', changed)).json()) as { access_token: string }).access_token;
  const password = JSON.stringify({ password: secret('a changed password') });
  const factor = (await (await post('/profile/second-factor', password, again)).json()) as { secret: string };
  secrets['the secret of an authenticator app'] = factor.secret;
  const code = new TOTP({ secret: factor.secret }).generate();
  const turnedOn = await post('/profile/second-factor/confirm', JSON.stringify({ code }), again);
  const codes = ((await turnedOn.json()) as { recovery_codes: string[] }).recovery_codes;
  for (const [index, one] of codes.entries()) secrets[`recovery code ${index}`] = one;
  const recovery = { username: user.username, password: secret('a changed password'), code: codes[0] };
  expect((await post('/login', JSON.stringify(recovery))).status).toBe(200);
  const token = JSON.stringify({ name: 'ci', scopes: ['read'], expires_in_days: 1 });
  secrets['an API token'] = ((await (await post('/profile/tokens', token, again)).json()) as { token: string }).token;
  expect((await plain('/machines', { headers: { authorization: `Bearer ${secret('an API token')}` } })).status).toBe(
    200,
  );
  const { host, port } = byPassword;
  const wrong = {
    name: 'm1',
    host,
    port,
    user: 'root',
    password: secret('a wrong machine password'),
    labels: [canaries.label],
  };
  expect((await call('POST', '/machines', wrong)).status).toBe(201);
  await expect
    .poll(async () => (await call('GET', '/machines/m1')).body.reason, { timeout: 60_000 })
    .toContain('refuses the login');
  expect((await call('PATCH', '/machines/m1', { password: secret('a machine password') })).status).toBe(200);
  const keyed = { name: 'm2', host: byKey.host, port: byKey.port, user: 'root', private_key: pair.privateKey };
  expect((await call('POST', '/machines', keyed)).status).toBe(201);
  await expect.poll(async () => (await call('GET', '/available')).body.available.length, { timeout: 90_000 }).toBe(2);

  // Reservations, a terminal, and the command line.
  const free = async (): Promise<void> => {
    await call('POST', '/release_all');
    await expect.poll(async () => (await call('GET', '/available')).body.available.length, { timeout: 90_000 }).toBe(2);
  };
  const inQuery = `/reserve?count=2&duration=5&username=one&reservation_password=${secret('a reservation password in a query')}`;
  expect((await call('GET', inQuery)).status).toBe(200);
  await free();
  const body = { count: 1, username: 'two', reservation_password: secret('a reservation password in a body') };
  expect((await call('POST', '/reservations?wait=60', body)).status).toBe(201);
  const generated = await call('POST', '/reservations?wait=60', { count: 1, username: 'three', duration_minutes: 5 });
  secrets['a made reservation password'] = generated.body.password;
  const ticket = await call('POST', '/terminal-tickets', {
    reservation_id: generated.body.reservation_id,
    machine: generated.body.machines[0].machine,
  });
  secrets['a terminal ticket'] = ticket.body.ticket;
  const terminal = await connectTerminal(server.address);
  terminal.open(ticket.body.ticket);
  await expect.poll(() => terminal.said[0]?.type, { timeout: 30_000 }).toBe('opened');
  terminal.socket.close();
  await free();
  const person = newPerson();
  ends.push(() => person.leave());
  const words = ['login', '--server', server.address, '--user', 'admin', '--password-stdin'];
  expect(await person.berth(words, `${secret('the admin password')}\n`)).toMatchObject({ code: 0 });
  const reserve = ['reserve', '1', '--as', 'four', '--password-stdin', '--json'];
  const reserved = await person.berth(reserve, `${secret('a password of the command line')}\n`);
  expect(reserved).toMatchObject({ code: 0 });
  const run = await person.berth(['run', '-n', '1', '--as', 'five', '--', 'true']);
  expect(run).toMatchObject({ code: 0 });
  log += reserved.stderr + run.stdout + run.stderr;
  await free();
  const canary = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 1000)', canaries.argument]);
  await new Promise((resolve) => canary.once('exit', resolve));

  // While it runs (the journal of the database included), and when it is over.
  const backups = join(folder, 'backups');
  mkdirSync(backups);
  const admins = { PATH: process.env['PATH'] ?? '', DATABASE_URL: urlOf(database), ...settings };
  const backup = await admin(['backup', join(backups, 'berth.backup')], admins);
  expect(backup).toMatchObject({ code: 0 });
  const running = await foundInFiles(secrets, files);
  await stop();
  const doctor = await admin(['doctor'], admins);
  log += backup.out + backup.err + doctor.out + doctor.err;
  const processArguments = Buffer.from(await watch.stop());
  const look = async (what: Secrets): Promise<string[]> => [
    ...found(what, 'the log', Buffer.from(log)),
    ...found(what, 'the arguments of a process', processArguments),
    ...(await foundInFiles(what, folder)),
    ...(files.startsWith(folder) ? [] : await foundInFiles(what, files)),
    ...(await foundInFiles(what, backups)),
  ];
  expect(Object.entries(secrets).filter(([, value]) => typeof value !== 'string' || value.length < 12)).toEqual([]);
  expect([...running, ...(await look(secrets))]).toEqual([]);

  const seen = (await look(canaries)).join('\n');
  expect(seen).toContain('label in /');
  expect(seen).toContain('berth.backup (unpacked)');
  expect(seen).toContain('user in the log');
  expect(seen).toContain('argument in the arguments of a process');
  // A secret that is written down in any of these ways is found.
  for (const coding of ['utf8', 'base64', 'hex', 'utf16le'] as const) {
    const value = secret('a user password');
    const text =
      coding === 'utf8' || coding === 'utf16le' ? Buffer.from(value, coding) : Buffer.from(value).toString(coding);
    writeFileSync(join(folder, 'leak'), text);
    expect(await foundInFiles(secrets, folder), coding).toEqual([`a user password in ${join(folder, 'leak')}`]);
  }
}
