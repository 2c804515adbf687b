import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulation, startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';
import { readMachinesFile } from '../../src/cli/machines-file.ts';
import { ADMIN_PASSWORD, adminOf, type BerthProcess, startProcess } from '../support/processes.ts';
import { freshSqlite } from '../support/test-pool.ts';
import { newPerson, type Person, type Ran, ran } from './berth.ts';

const HELPER = fileURLToPath(new URL('../../utils/register-machines.ts', import.meta.url));

describe('a file of machines', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'berth-machines-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function read(text: string, gateway: string | null = null) {
    const file = join(folder, 'machines.yml');
    writeFileSync(file, text);
    return readMachinesFile(file, gateway);
  }

  it('is read as the specification has it, with localhost rewritten', () => {
    const text = `machines:
  - name: alpine-1
    host: localhost
    port: 22221
    user: root
    password: test
  - {name: far, host: far.example.org, user: root, password: "0123", labels: [gpu]}
`;
    expect(read(text, 'host.docker.internal')).toEqual({
      problems: [],
      machines: [
        { name: 'alpine-1', host: 'host.docker.internal', port: 22221, user: 'root', password: 'test' },
        { name: 'far', host: 'far.example.org', port: 22, user: 'root', password: '0123', labels: ['gpu'] },
      ],
    });
    expect(read(text).machines[0]?.host).toBe('localhost');
  });

  it('names everything that is wrong, with machine and field, and no secret', () => {
    const { machines, problems } = read(`machines:
  - {name: a, host: h, user: root, password: 1234}
  - {name: a b, host: "-x", port: 70000, user: Root, pasword: s3cret}
  - {name: c, host: h, user: root, password: s3cret, private_key: s3cret}
  - {name: d, host: h, user: root, private_key_file: nowhere}
  - just a word
  - {name: e, host: h2, user: root, password: p, labels: gpu, __proto__: x}
`);
    expect(machines).toEqual([]);
    const expected = [
      /^machine 1 \(a\): password: takes text of one line; write it in quotes/,
      /^machine 2 \(a b\): password: give a password/,
      /^machine 2 \(a b\): port: takes a whole number from 1 to 65535/,
      /^machine 2 \(a b\): name: takes letters/,
      /^machine 2 \(a b\): host: takes a host name/,
      /^machine 2 \(a b\): user: takes a login name/,
      /^machine 2 \(a b\): pasword: there is no such field/,
      /^machine 3 \(c\): password: .* exactly one/,
      /^machine 3 \(c\): private_key: takes the text of a private key/,
      /^machine 4 \(d\): private_key_file: nowhere cannot be read \(ENOENT\)/,
      /^machine 5: name, host, port, user and password are needed/,
      /^machine 6 \(e\): labels: takes a list of words/,
      /^machine 6 \(e\): __proto__: there is no such field/,
    ];
    for (const problem of expected) expect(problems).toContainEqual(expect.stringMatching(problem));
    expect(problems.join()).not.toContain('s3cret');
  });

  it('may not use a name or an address twice', () => {
    const { problems } = read(`machines:
  - {name: a, host: localhost, port: 1, user: root, password: p}
  - {name: a, host: h, port: 1, user: root, password: p}
  - {name: b, host: LOCALHOST, port: 1, user: root, password: p}
`);
    expect(problems).toEqual([
      'machine 2 (a): name: a is used by machine 1 (a) already',
      'machine 3 (b): host: localhost:1 is used by machine 1 (a) already',
    ]);
  });

  it.each([
    ['machines: [', 'line 1'],
    ['a: 1\na: 2', 'line 2'],
    ['', '"machines:"'],
    ['hosts: []', '"machines:"'],
    ['- a', '"machines:"'],
  ])('that is not one is refused: %j', (text, hint) => {
    expect(read(text).problems.join()).toContain(hint);
  });
});

describe('registering a file of machines', { timeout: 120_000 }, () => {
  const COUNT = 12;
  let simulation: Simulation;
  let database: ReturnType<typeof freshSqlite>;
  let server: BerthProcess;
  let call: Awaited<ReturnType<typeof adminOf>>;
  let person: Person;
  let file: string;

  beforeAll(async () => {
    simulation = await startSimulatedMachines({ count: COUNT, password: 'root password' });
    database = freshSqlite();
    server = await startProcess('src/standalone.ts', database.database);
    call = await adminOf(server.address);
    person = newPerson();
    file = join(person.home, 'machines.yml');
    write(simulation.machines.map((machine) => ({ ...machine })));
  });
  afterAll(async () => {
    person?.leave();
    await server?.stop();
    database?.remove();
    await simulation?.close();
  });

  interface Line {
    readonly name: string;
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly password: string;
  }
  // JSON is YAML.
  function write(machines: readonly Line[]): void {
    const shown = machines.map(({ name, host, port, user, password }) => ({ name, host, port, user, password }));
    writeFileSync(file, JSON.stringify({ machines: shown }));
  }
  async function register(env: Record<string, string> = {}): Promise<Ran> {
    const child = person.start(process.execPath, [HELPER, 'machines.yml'], {
      API_BASE: server.address,
      REWRITE_LOCALHOST: 'false',
      ADMIN_DEFAULT_PASSWORD: ADMIN_PASSWORD,
      ...env,
    });
    child.stdin.end();
    return await ran(child);
  }
  const ready = () =>
    expect.poll(async () => (await call('GET', '/available')).body.available.length, { timeout: 30_000 }).toBe(COUNT);
  const changes = async () => (await call('GET', '/audit?action=machine.updated')).body.entries;

  it('registers all, changes nothing the second time, and then only what is new', async () => {
    const first = await register();
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout.match(/ registered {2}/g)).toHaveLength(COUNT);
    await ready();

    const second = await register();
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(second.stdout).toContain(`0 registered, 0 updated, ${COUNT} unchanged, 0 failed`);
    // Not even for a moment was a machine taken out of the pool.
    expect((await call('GET', '/available')).body.available).toHaveLength(COUNT);
    expect(await changes()).toEqual([]);

    const [one, two, ...others] = simulation.machines as readonly Line[] as [Line, Line, ...Line[]];
    write([{ ...one, password: 'another password' }, { ...two, user: 'operator' }, ...others]);
    const third = await register();
    expect(third.stdout).toMatch(new RegExp(`${one.name} +updated +credential`));
    expect(third.stdout).toMatch(new RegExp(`${two.name} +updated +user`));
    expect(third.stdout).toContain(`0 registered, 2 updated, ${COUNT - 2} unchanged, 0 failed`);
    expect((await changes()).map((entry: { subject: string }) => entry.subject).sort()).toEqual([one.name, two.name]);
    expect(first.stdout + third.stdout).not.toContain('password');

    write([one, two, ...others]);
    expect(await register()).toMatchObject({ code: 0 });
    await ready();
  });

  it('goes on when one fails, and says which', async () => {
    const [one, two] = simulation.machines as readonly Line[] as [Line, Line];
    write([{ ...one, name: 'same-address' }, two]);
    const result = await register();
    expect(result.code).toBe(1);
    expect(result.stdout).toMatch(/same-address +failed +host: another machine is registered/);
    expect(result.stdout).toContain('0 registered, 0 updated, 1 unchanged, 1 failed');
  });

  it('does the same as a command of berth', async () => {
    const words = ['login', '--server', server.address, '--user', 'admin', '--password-stdin'];
    expect(await person.berth(words, ADMIN_PASSWORD)).toMatchObject({ code: 0 });
    write(simulation.machines);
    const result = await person.berth(['machines', 'register', 'machines.yml', '--json']);
    expect(result.code).toBe(0);
    expect(result.json().machines).toHaveLength(COUNT);
    expect(result.json().failed).toBe(0);
    writeFileSync(file, 'machines: [{name: x}]');
    const bad = await person.berth(['machines', 'register', 'machines.yml']);
    expect(bad.code).toBe(2);
    expect(bad.stderr).toContain('machine 1 (x): host: is missing');
  });

  it('says what is wrong with its settings, the file and the sign-in', async () => {
    write(simulation.machines);
    const wrong: [Record<string, string>, number, string][] = [
      [{ VERIFY_TLS: 'perhaps' }, 2, 'VERIFY_TLS: takes true or false'],
      [{ API_BASE: 'ftp://x' }, 2, 'https://'],
      [{ API_PREFIX: '/elsewhere' }, 6, '/elsewhere/login'],
      [{ ADMIN_DEFAULT_PASSWORD: 'no' }, 3, 'password'],
      [{ API_BASE: 'http://127.0.0.1:1' }, 5, 'nothing listens'],
    ];
    for (const [env, code, hint] of wrong) {
      const result = await register(env);
      expect(result.stderr).toContain(hint);
      expect(result.code).toBe(code);
    }
    writeFileSync(file, 'machines: [');
    expect(await register()).toMatchObject({ code: 1, stdout: '' });
  });
});
