import type { Client } from 'ssh2';
import ssh2 from 'ssh2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hashAccountPassword } from '#core/access/account-password.ts';
import {
  makeHostKey,
  type SimulatedMachine,
  type Simulation,
  startSimulatedMachines,
} from '#core/access/simulated/simulated-machines.ts';
import { closed, logIn, logInAsRoot, order, run } from './simulated-client.ts';

let simulation: Simulation;
let machine: SimulatedMachine;
let root: Client;

beforeEach(async () => {
  simulation = await startSimulatedMachines({ count: 2, password: 'only-for-this-test' });
  machine = simulation.machines[0] as SimulatedMachine;
  root = await logInAsRoot(machine);
});
afterEach(() => simulation.close());

const alice = { allocation: 'alloc-1', generation: 1, account: 'alice' };
const HASH = hashAccountPassword('correct horse');

describe('orders', () => {
  test('a probe tells what this is and what the time is', async () => {
    const lines = await order(root, 'probe', { time: 1 });
    expect(lines).toContain('berth: os Simulated by Berth');
    expect(lines.at(-1)).toBe('berth: done');
    const time = Number(lines.find((line) => line.startsWith('berth: time '))?.slice(12));
    expect(Math.abs(time - Date.now() / 1000)).toBeLessThan(5);
  });

  test('creation repeated for the same allocation keeps the uid; another allocation is refused', async () => {
    expect(await order(root, 'create-account', { ...alice, hash: HASH })).toEqual(['berth: uid 20000', 'berth: done']);
    expect(await order(root, 'create-account', { ...alice, hash: '' })).toEqual(['berth: uid 20000', 'berth: done']);
    expect(machine.accounts.get('alice')).toMatchObject({ uid: 20_000, allocationId: 'alloc-1', passwordHash: null });
    const other = await order(root, 'create-account', { ...alice, allocation: 'alloc-2', generation: 2 });
    expect(other).toHaveLength(1);
    expect(other[0]).toMatch(/^berth: failed account_exists /);
  });

  test('a removal takes the account away, can be repeated, and fences late creations off', async () => {
    await order(root, 'create-account', alice);
    const answer = await order(root, 'remove-account', alice);
    expect(answer).toEqual([
      'berth: uid 20000',
      'berth: processes 0',
      'berth: killed 0',
      'berth: sessions 0',
      'berth: home_files 0',
      'berth: temporary_files 0',
      'berth: mail_files 0',
      'berth: job_files 0',
      'berth: outcome removed',
      'berth: checked account sessions',
      'berth: done',
    ]);
    expect(machine.accounts.size).toBe(0);
    expect(await order(root, 'remove-account', alice)).toEqual(answer);
    expect((await order(root, 'create-account', alice))[0]).toMatch(/^berth: failed fenced_off /);
    // An older removal that comes late must not lower the fence.
    await order(root, 'remove-account', { ...alice, generation: 0 });
    expect((await order(root, 'create-account', alice))[0]).toMatch(/^berth: failed fenced_off /);
    const next = await order(root, 'create-account', { allocation: 'alloc-2', generation: 2, account: 'alice' });
    expect(next).toContain('berth: uid 20001');
  });

  test('accounts of others are left alone', async () => {
    machine.addForeignAccount('bob');
    const bob = { ...alice, account: 'bob' };
    expect((await order(root, 'create-account', bob))[0]).toMatch(/^berth: failed account_exists /);
    expect(await order(root, 'remove-account', bob)).toContain('berth: outcome foreign');
    expect(machine.accounts.get('bob')?.allocationId).toBeNull();
    const asRoot = await order(root, 'create-account', { ...alice, account: 'root', generation: 9 });
    expect(asRoot[0]).toMatch(/^berth: failed account_exists /);
  });

  test('malformed orders are refused, and one without its end does nothing', async () => {
    for (const wrong of [{ account: 'a;b' }, { generation: 'x' }, { generation: '' }, { allocation: '../x' }]) {
      const lines = await order(root, 'create-account', { ...alice, ...wrong });
      expect(lines[0]).toMatch(/^berth: failed bad_answer /);
    }
    const cut = 'allocation alloc-1\ngeneration 1\naccount friend\nend';
    expect(await run(root, "sh -c '# berth create-account 1\n'", cut)).toEqual({ output: '', code: 0 });
    const endless = `${'key x\n'.repeat(200_000)}end\n`;
    expect(await run(root, "sh -c '# berth create-account 1\n'", endless)).toEqual({ output: '', code: 0 });
    expect(machine.accounts.size).toBe(0);
  });

  test('two allocations on one machine at once are noticed, and only there', async () => {
    await order(root, 'create-account', alice);
    await order(root, 'remove-account', alice);
    machine.addForeignAccount('bob');
    await order(root, 'create-account', { allocation: 'alloc-2', generation: 2, account: 'carol' });
    expect(machine.everOverlapped).toBe(false);
    const second = await order(root, 'create-account', { allocation: 'alloc-3', generation: 3, account: 'dave' });
    expect(JSON.stringify(second)).toContain('in_use');
    expect(machine.everOverlapped).toBe(true);
    expect(simulation.machines[1]?.everOverlapped).toBe(false);
  });
});

describe('people', () => {
  test('log in with their password only while they have an account', async () => {
    const attempt = (password: string): Promise<Client> => logIn(machine, { username: 'alice', password });
    await expect(attempt('correct horse')).rejects.toThrow(/authentication methods failed/);
    await order(root, 'create-account', { ...alice, hash: HASH });
    await expect(attempt('wrong')).rejects.toThrow(/authentication methods failed/);
    const session = await attempt('correct horse');
    expect(await run(session, 'whoami')).toEqual({ output: 'alice\n', code: 0 });
    expect(await run(session, 'hostname')).toEqual({ output: 'simulated-01\n', code: 0 });
    const other = await run(session, 'cat /etc/shadow');
    expect(other.code).toBe(127);
    expect(other.output).toContain('nothing here is real');
    // Only root runs Berth's scripts.
    expect((await run(session, "sh -c '# berth probe 1\n'", 'end\n')).code).toBe(127);
    await order(root, 'remove-account', alice);
    await expect(attempt('correct horse')).rejects.toThrow(/authentication methods failed/);
  });

  test.each(['ed25519', 'rsa', 'ecdsa'] as const)('log in with their %s key and no other', async (kind) => {
    const mine = keyPair(kind);
    const another = keyPair(kind);
    await order(root, 'create-account', { ...alice, hash: '' }, ['not a key', `${mine.public} alice@home`]);
    const session = await logIn(machine, { username: 'alice', privateKey: mine.private });
    expect((await run(session, 'whoami')).output).toBe('alice\n');
    await expect(logIn(machine, { username: 'alice', privateKey: another.private })).rejects.toThrow(/methods failed/);
    await expect(logIn(machine, { username: 'alice', password: '' })).rejects.toThrow(/methods failed/);
    await expect(logIn(machine, { username: 'root', privateKey: mine.private })).rejects.toThrow(/methods failed/);
  });

  test('a known public key with a signature of another key does not let anybody in', async () => {
    const mine = keyPair('ed25519');
    const forged = ssh2.utils.parseKey(keyPair('ed25519').private);
    const shown = ssh2.utils.parseKey(mine.private);
    if (forged instanceof Error || shown instanceof Error) throw new Error('the keys cannot be read');
    await order(root, 'create-account', alice, [mine.public]);
    let signed = 0;
    const impostor = Object.assign(Object.create(Object.getPrototypeOf(shown) as object), shown, {
      sign: (...given: Parameters<typeof forged.sign>) => {
        signed += 1;
        return forged.sign(...given);
      },
    });
    const tries = [{ type: 'publickey' as const, username: 'alice', key: impostor }];
    const attempt = logIn(machine, {
      username: 'alice',
      authHandler: (_left, _partial, next) => next(tries.pop() ?? 'none'),
    });
    await expect(attempt).rejects.toThrow();
    // The machine liked the public key, so it was the signature that it refused.
    expect(signed).toBe(1);
  });

  test('find a shell that says what it is, and lose it with the account', async () => {
    await order(root, 'create-account', { ...alice, hash: HASH });
    const session = await logIn(machine, { username: 'alice', password: 'correct horse' });
    const bystander = await logIn(machine, { username: 'alice', password: 'correct horse' });
    const screen = await openShell(session);
    await screen.shows('This is a machine simulated by Berth; nothing here is real.');
    screen.type('whoamx\u007fi\r');
    await screen.shows('\r\nalice\r\n');
    screen.type('rm -rf /\r');
    await screen.shows('rm -rf /: does not run here');
    const ends = Promise.all([closed(session), closed(bystander)]);
    expect(await order(root, 'remove-account', alice)).toContain('berth: processes 2');
    await ends;
  });

  test('leave the shell with exit', async () => {
    await order(root, 'create-account', { ...alice, hash: HASH });
    const session = await logIn(machine, { username: 'alice', password: 'correct horse' });
    const screen = await openShell(session);
    screen.type('exit\r');
    await screen.ended;
    session.end();
    await closed(session);
    expect(await order(root, 'remove-account', alice)).toContain('berth: outcome removed');
  });

  test('have six tries', async () => {
    const tryAll = (passwords: string[]): Promise<Client> =>
      logIn(machine, {
        username: 'root',
        authHandler: (_left, _partial, next) => {
          const password = passwords.shift();
          next(password === undefined ? 'none' : { type: 'password', username: 'root', password });
        },
      });
    const wrong = ['a', 'b', 'c', 'd', 'e', 'f'];
    (await tryAll([...wrong.slice(1), machine.password])).end();
    await expect(tryAll([...wrong, machine.password])).rejects.toThrow();
  });
});

describe('starting', () => {
  test('only loopback is listened on', async () => {
    for (const host of ['0.0.0.0', '::', '127.0.0.2', 'localhost']) {
      const start = startSimulatedMachines({ count: 1, password: 'x', host: host as '127.0.0.1' });
      await expect(start).rejects.toThrow(/127\.0\.0\.1 or ::1 only/);
    }
  });

  test('nonsense is refused', async () => {
    for (const wrong of [{ count: 0 }, { count: 1.5 }, { count: 10, firstPort: 65_530 }, { password: '' }]) {
      await expect(startSimulatedMachines({ count: 1, password: 'x', ...wrong })).rejects.toThrow();
    }
    await expect(startSimulatedMachines({ count: 1, password: 'x', hostKeys: ['no key'] })).rejects.toThrow(
      /no private/,
    );
  });

  test('a taken port fails as a whole and gives the others back', async () => {
    const holder = await startOnNeighbours();
    const [free, taken] = holder.machines.map(({ port }) => port) as [number, number];
    await holder.close();
    const keeper = await startSimulatedMachines({ count: 1, password: 'x', firstPort: taken });
    const start = startSimulatedMachines({ count: 2, password: 'x', firstPort: free });
    await expect(start).rejects.toThrow(/EADDRINUSE/);
    const again = await startSimulatedMachines({ count: 1, password: 'x', firstPort: free });
    expect(again.machines[0]?.port).toBe(free);
    await Promise.all([again.close(), keeper.close()]);
  });

  test('host keys that were kept are used in turn', async () => {
    const hostKeys = [makeHostKey(), makeHostKey()];
    const first = await startSimulatedMachines({ count: 3, password: 'x', hostKeys });
    const second = await startSimulatedMachines({ count: 3, password: 'x', hostKeys });
    const keys = first.machines.map((one) => one.hostKey);
    expect(second.machines.map((one) => one.hostKey)).toEqual(keys);
    expect(keys[0]).not.toBe(keys[1]);
    expect(keys[2]).toBe(keys[0]);
    (await logInAsRoot(second.machines[1] as SimulatedMachine)).end();
    await Promise.all([first.close(), second.close()]);
  });
});

/** Two machines on ports side by side, below those that the system hands out to others by itself. */
async function startOnNeighbours(): Promise<Simulation> {
  for (;;) {
    const firstPort = 12_000 + Math.floor(Math.random() * 18_000);
    try {
      return await startSimulatedMachines({ count: 2, password: 'x', firstPort });
    } catch (error) {
      if (!/EADDRINUSE/.test(String(error))) throw error;
    }
  }
}

/** The SSH library writes an Ed25519 key that it cannot read about once in 200 times. */
function keyPair(kind: 'ed25519' | 'rsa' | 'ecdsa'): { private: string; public: string } {
  const { generateKeyPairSync, parseKey } = ssh2.utils;
  for (;;) {
    const pair =
      kind === 'rsa'
        ? generateKeyPairSync('rsa', { bits: 2048 })
        : kind === 'ecdsa'
          ? generateKeyPairSync('ecdsa', { bits: 256 })
          : generateKeyPairSync('ed25519');
    if (!(parseKey(pair.private) instanceof Error)) return pair;
  }
}

interface Screen {
  type(text: string): void;
  /** Waits until the text is on the screen. */
  shows(text: string): Promise<void>;
  ended: Promise<void>;
}

function openShell(client: Client): Promise<Screen> {
  return new Promise((resolve, reject) => {
    client.shell({ term: 'xterm' }, (error, channel) => {
      if (error) return reject(error);
      let seen = '';
      let look = (): void => undefined;
      channel.on('data', (part: Buffer) => {
        seen += part.toString();
        look();
      });
      resolve({
        type: (text) => void channel.write(text),
        shows: (text) =>
          new Promise((found) => {
            look = () => seen.includes(text) && found();
            look();
          }),
        ended: new Promise((end) => channel.once('close', () => end())),
      });
    });
  });
}
