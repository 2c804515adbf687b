import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newPerson, type Person } from './berth.ts';

/** Turns the terminal's title, clears it, hides and turns text, with 7-bit and 8-bit controls. */
const EVIL = '\u001b]0;owned\u0007\u001b[2J\r\n\u009b31m\u202etxt\u2066\u200b';
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not come
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/;
const ID = '9e0e3b9a-980b-4f13-8275-28cb749e5bf6';
const HOST_KEY = `ssh-ed25519 ${'A'.repeat(68)}`;

const item = {
  reservation_id: ID,
  holder: `h${EVIL}`,
  username: `u${EVIL}`,
  machine: 'm1',
  host: `x${EVIL}`,
  port: 22,
  reserved_until: `2026${EVIL}`,
  seconds_remaining: 60,
  state: `active${EVIL}`,
  problem: `p${EVIL}`,
};
const machine = { machine: 'm1', host: '127.0.0.1', port: 22, host_key: HOST_KEY, state: 'active', problem: null };
const reservation = { reservation_id: ID, holder: 'h', username: 'user', state: 'active', machines: [machine] };

/** Says whatever the test wants it to. */
describe('berth with a server that means harm', { timeout: 60_000 }, () => {
  let server: Server;
  let person: Person;
  let env: Record<string, string>;
  let answers: Record<string, unknown>;
  let status = 200;

  beforeAll(async () => {
    person = newPerson();
    server = createServer((request, response) => {
      const path = (request.url ?? '').replace(/\?.*/, '').replace('/api', '');
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answers[path] ?? {}));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    env = { BERTH_SERVER: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, BERTH_TOKEN: 'x' };
  });
  afterAll(() => {
    server.close();
    person.leave();
  });
  beforeEach(() => {
    status = 200;
    answers = {
      '/whoami': { user: `me${EVIL}`, roles: [`r${EVIL}`] },
      '/available': {
        available: [`a${EVIL}`],
        reserved: [`b${EVIL}`],
        cleaning: [`c${EVIL}`],
        unavailable: [{ name: `d${EVIL}`, reason: `e${EVIL}` }],
      },
      '/reservations': { reservations: [item] },
      [`/reservations/${ID}`]: reservation,
      '/machines': [
        { name: `n${EVIL}`, host: `h${EVIL}`, port: 1, state: `s${EVIL}`, labels: [`l${EVIL}`], reason: EVIL },
      ],
      '/machines/m1': { name: `n${EVIL}`, reason: `r${EVIL}`, labels: [`l${EVIL}`] },
      '/users': [{ username: `u${EVIL}`, is_admin: true, disabled: true, created_at: EVIL }],
      '/audit': {
        entries: [{ id: 1, at: EVIL, actor: `a${EVIL}`, action: EVIL, subject: `s${EVIL}`, details: { x: EVIL } }],
        next: null,
      },
    };
  });

  const COMMANDS = [
    ['whoami'],
    ['available'],
    ['list', '--all'],
    ['machines', 'list'],
    ['machines', 'show', 'm1'],
    ['users', 'list'],
    ['audit'],
  ];

  it.each(COMMANDS.map((words) => ({ words })))('$words prints nothing that a terminal obeys', async ({ words }) => {
    const text = await person.berth(words, '', env);
    expect(text.code).toBe(0);
    expect(text.stdout).toContain('owned');
    expect(text.stdout).not.toMatch(OBEYED);
    // For programs the values stay what they are.
    const json = await person.berth([...words, '--json'], '', env);
    expect(json.stdout).not.toMatch(OBEYED);
    expect(JSON.stringify(json.json())).toContain(JSON.stringify(EVIL).slice(1, -1));
  });

  it('shows what the server says in refusals without its controls', async () => {
    status = 403;
    answers['/available'] = { error: 'forbidden', message: `no${EVIL}` };
    for (const words of [['available'], ['available', '--json']]) {
      const result = await person.berth(words, '', env);
      expect(result.code).toBe(3);
      expect(result.stderr).toContain('owned');
      expect(result.stderr).not.toMatch(OBEYED);
    }
  });

  it('takes what is no answer of Berth for an unreachable server', async () => {
    const page = createServer((_request, response) => response.end('<html>a proxy</html>')).listen(0, '127.0.0.1');
    await new Promise((resolve) => page.once('listening', resolve));
    const address = `http://127.0.0.1:${(page.address() as AddressInfo).port}`;
    const result = await person.berth(['available', '--server', address], '', { BERTH_TOKEN: 'x' });
    page.close();
    expect(result.code).toBe(5);
    expect(result.stderr).toContain('that is not Berth');
  });

  it.each([
    ['an option as host', { host: '-oProxyCommand=touch owned' }, {}],
    ['a command as host', { host: 'h$(touch owned)' }, {}],
    ['a second line in the host key', { host_key: `${HOST_KEY}\n* ${HOST_KEY}` }, {}],
    ['an option as account', {}, { username: '-oProxyCommand=x' }],
    ['a template as host', { host: '{{ lookup("pipe", "touch owned") }}' }, {}],
    ['no host key', { host_key: null }, {}],
  ])('gives ssh and Ansible no machine with %s', async (_, ofMachine, ofReservation) => {
    answers[`/reservations/${ID}`] = { ...reservation, ...ofReservation, machines: [{ ...machine, ...ofMachine }] };
    const ssh = await person.berth(['ssh', 'm1', 'true'], '', env);
    expect(ssh.code).toBe(1);
    expect(ssh.stderr).toMatch(/is not usable|knows no host key/);
    const inventory = await person.berth(['inventory', '--list'], '', env);
    expect(inventory.json()).toEqual({ _meta: { hostvars: {} }, berth: { hosts: [] } });
    expect(inventory.stderr).toContain('left out');
  });
});
