import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { hashAccountPassword } from '#core/access/account-password.ts';
import { createAnsibleDriver } from '#core/access/ansible/ansible-driver.ts';
import type { AccessDriver } from '#core/access/driver.ts';
import { dockerAvailable, ensureLabImages, type LabMachine, startMachine } from '../support/docker-lab.ts';
import { ansibleInstalled } from '../support/parts.ts';
import { ansibleLab, type Lab, ofAllProcesses } from './ansible-lab.ts';
import { accessTo, keyPair, newOrder } from './ssh-login.ts';

vi.setConfig({ testTimeout: 90_000 });

describe.skipIf(!dockerAvailable() || !ansibleInstalled())('what the Ansible driver keeps to itself', () => {
  let lab: Lab;
  let machine: LabMachine;
  let driver: AccessDriver;

  beforeAll(async () => {
    await ensureLabImages();
    machine = await startMachine('debian');
  });
  afterAll(() => machine?.remove());
  beforeEach(async () => {
    lab = await ansibleLab();
    driver = createAnsibleDriver();
  });
  afterEach(async () => {
    await driver.close();
    expect(await lab.runs()).toEqual([]);
    await lab.remove();
  });

  /** Makes this the password of root on the machine. */
  const setPassword = (password: string) =>
    machine.exec(`echo '${Buffer.from(`root:${password}\n`).toString('base64')}' | base64 -d | chpasswd`);

  test('a password is taken as it is, whatever it looks like', async () => {
    const canary = join(lab.folder, 'canary');
    for (const password of [
      `{{ lookup('pipe','touch ${canary}') }}`,
      `{% for x in [1] %}{{ lookup("pipe","touch ${canary}") }}{% endfor %}`,
      `a"b'c\\d $(touch ${canary}) \`touch ${canary}\` #e: - & * ! | > %`,
      '-oProxyCommand=true',
      'Gr\u00fc\u00dfe \u{1f600} ~',
      '!vault x',
      '  both ends  ',
    ]) {
      await setPassword(password);
      const access = accessTo(machine, { credential: { kind: 'password', password }, name: '{{ 1/0 }}' });
      expect((await driver.probe(access)).operatingSystem, password).toMatch(/^Debian/);
    }
    expect(existsSync(canary)).toBe(false);
    await setPassword(machine.password);
  });

  test('what cannot be given to the SSH program is refused in plain words, and nothing is started', async () => {
    const canary = join(lab.folder, 'canary');
    for (const [changes, code, words] of [
      [{ credential: { kind: 'password', password: 'a\nb' } }, 'login_refused', 'line break'],
      [{ credential: { kind: 'password', password: 'a\u0000b' } }, 'login_refused', 'control character'],
      [{ host: `-oProxyCommand=touch ${canary}` }, 'unreachable', 'no host name'],
      [{ host: '127.0.0.1 -oProxyCommand=x' }, 'unreachable', 'no host name'],
      [{ user: `x" -oProxyCommand="touch ${canary}` }, 'login_refused', 'user name'],
      [{ user: '-l' }, 'login_refused', 'user name'],
    ] as const) {
      const error = await driver.probe(accessTo(machine, changes)).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ name: 'AccessError', code });
      expect(String(error)).toContain(words);
      expect(await lab.runs()).toEqual([]);
    }
    expect(existsSync(canary)).toBe(false);
  });

  test('no secret shows in arguments or environments on either side; files are for nobody else to read', async () => {
    const pair = keyPair();
    await machine.exec(`mkdir -p /root/.ssh && echo '${pair.publicKey}' >>/root/.ssh/authorized_keys`);
    const passwordHash = hashAccountPassword('open Sesame 2');
    const order = newOrder({ passwordHash, authorizedKeys: [keyPair().publicKey] });
    const privateKey = pair.privateKey;
    const secrets = [
      machine.password,
      passwordHash,
      passwordHash.split('$')[3] ?? '',
      ...privateKey.split('\n'),
    ].filter((line) => line.length > 8 && !line.includes('-----'));
    const seen = { arguments: new Set<string>(), environments: new Set<string>(), modes: new Set<string>() };
    const calls = [
      accessTo(machine),
      accessTo(machine, { id: 'key', credential: { kind: 'private_key', privateKey } }),
    ].map(async (access) => {
      await driver.createAccount(access, order);
      await driver.removeAccount(access, order);
    });
    let over = false;
    const all = Promise.allSettled(calls).finally(() => {
      over = true;
    });
    while (!over) {
      for (const text of await ofAllProcesses('cmdline')) seen.arguments.add(text);
      // The machine's own first process is told its password in its environment; that is no business of the driver's.
      for (const text of await ofAllProcesses('environ')) {
        if (text.includes('BERTH_ANSIBLE_RUN=')) seen.environments.add(text);
      }
      for (const run of await lab.runs()) {
        const folder = join(lab.folder, 'tmp', run);
        for (const name of ['.', ...(await readdir(folder).catch(() => []))]) {
          const mode = await stat(join(folder, name)).then(
            (found) => (found.mode & 0o777).toString(8),
            () => 'gone',
          );
          seen.modes.add(`${name.replace(/\d/, 'N')} ${mode}`);
        }
      }
    }
    for (const result of await all) expect(result.status).toBe('fulfilled');
    const text = [...seen.arguments].join('\n');
    for (const program of ['ansible-playbook', 'sshpass -d', 'HostKeyAlias=machine-', '# berth create-account']) {
      expect(text).toContain(program);
    }
    expect(seen.environments.size).toBeGreaterThan(0);
    for (const secret of secrets) {
      expect([...seen.arguments, ...seen.environments].filter((one) => one.includes(secret))).toEqual([]);
    }
    expect([...seen.modes]).toEqual(expect.arrayContaining(['. 700', 'inventory.yml 600', 'machine-N.key 600']));
    const open = [...seen.modes].filter((mode) => !/^(\. 700|local 700|.* 600|.* gone)$/.test(mode));
    expect(open).toEqual([]);
  });

  test('a machine that is exchanged between our look and the login gets no password', async () => {
    const other = await startMachine('debian');
    let connections = 0;
    const targets = [machine, other, other];
    const server = createServer((socket) => {
      const target = targets[connections] ?? other;
      connections += 1;
      const onward = connect(target.port, target.host);
      for (const [from, to] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        from.on('error', () => to.destroy()).pipe(to);
      }
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const theirs = (await driver.probe(accessTo(other))).hostKey;
      const ours = (await driver.probe(accessTo(machine))).hostKey;
      const { port } = server.address() as AddressInfo;
      // The password is right on the other machine: had it been sent, the login would work.
      const access = accessTo(other, { port, hostKey: ours });
      await expect(driver.probe(access)).rejects.toMatchObject({ code: 'host_key_changed', offeredHostKey: theirs });
      expect(connections).toBe(3);
    } finally {
      server.close();
      await other.remove();
    }
  });
});
