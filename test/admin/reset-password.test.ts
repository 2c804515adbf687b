import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAccounts } from '#core/accounts/create-accounts.ts';
import type { Database } from '#core/store/dialect.ts';
import { databases } from '../support/databases.ts';
import { LENIENT } from '../support/test-pool.ts';
import { onStore } from './fill.ts';
import { admin, JWT_SECRET, settings } from './run-admin.ts';

// Each test starts several processes.
vi.setConfig({ testTimeout: 180_000 });

const OLD = 'the-old-password';
const NEW = 'näw pässword "with" $things';

describe.each(databases)('reset-password on $name', ({ fresh }) => {
  let database: Database;
  let remove: () => Promise<void>;
  beforeEach(async () => {
    ({ database, remove } = await fresh());
    await onAccounts(async (accounts) => {
      await accounts.seedAdmin('admin', OLD, new Date());
      const actor = { kind: 'user', id: 'x', name: 'admin', role: 'admin' } as const;
      await accounts.createUser(actor, { username: 'alice', password: OLD, role: 'user' }, new Date());
    });
  });
  afterEach(() => remove());

  async function onAccounts<T>(work: (accounts: ReturnType<typeof createAccounts>) => Promise<T>): Promise<T> {
    const keys = { secret: Buffer.from(JWT_SECRET), expiresMinutes: 60 };
    return await onStore(database, (store) => work(createAccounts(store, keys, LENIENT)));
  }
  const signIn = (username: string, password: string) =>
    onAccounts(async (accounts) => (await accounts.login(username, password, new Date())).token);

  it('takes the password from standard input, ends old sessions, and is in the audit log', async () => {
    const token = await signIn('alice', OLD);
    const done = await admin(['reset-password', 'alice', '--password-stdin'], settings(database), `${NEW}\n`);
    expect(done).toEqual({ code: 0, out: '', err: 'The password of alice is changed.\n' });
    await expect(signIn('alice', OLD)).rejects.toMatchObject({ code: 'invalid_grant' });
    await signIn('alice', NEW);
    await expect(onAccounts((accounts) => accounts.authenticate(token, new Date()))).rejects.toMatchObject({
      code: 'unauthorized',
    });
    const [entry] = await onStore(database, (store) => store.tables.audit.list({ action: 'user.updated', limit: 1 }));
    expect(entry).toMatchObject({ actor: 'setup', subject: 'alice', details: { passwordChanged: true } });
    expect(JSON.stringify(entry)).not.toContain('pässword');
  });

  it('makes one and shows it once, on standard output alone', async () => {
    const done = await admin(['reset-password', 'admin', '--generate'], settings(database));
    expect(done).toMatchObject({ code: 0, err: 'The password of admin is changed.\n' });
    expect(done.out).toMatch(/^\S{23}\n$/);
    await signIn('admin', done.out.trim());
  });

  it('asks twice at a terminal and shows nothing of what is typed', async () => {
    const ask = async (...typed: string[]) => {
      const command = `${process.execPath} src/admin/main.ts reset-password alice`;
      const child = spawn('script', ['-qefc', command, '/dev/null'], { stdio: 'pipe', env: settings(database) });
      let shown = '';
      child.stdout.on('data', (chunk) => {
        shown += chunk;
      });
      const ended = once(child, 'close');
      for (const [i, text] of typed.entries()) {
        await expect.poll(() => shown, { timeout: 20_000 }).toContain(i === 0 ? 'New password' : 'The same again');
        child.stdin.write(text);
      }
      const [code] = await ended;
      return { code, shown };
    };
    expect(await ask(`${NEW}x\u007f\r`, 'something else\r')).toMatchObject({
      code: 1,
      shown: expect.stringContaining('the two differ; nothing was changed'),
    });
    expect(await ask('\u0003')).toMatchObject({ code: 1, shown: expect.stringContaining('nothing was changed') });
    await signIn('alice', OLD);
    const done = await ask(`${NEW}x\u007f\r`, `${NEW}\r`);
    expect(done).toMatchObject({ code: 0, shown: expect.stringContaining('The password of alice is changed.') });
    expect(done.shown).not.toContain('word "with"');
    await signIn('alice', NEW);
  });

  it('removes the second factor when asked to, and says when one is left', async () => {
    await onStore(database, async ({ tables }) => {
      const { id } = (await tables.users.byName('alice')) as { id: string };
      await tables.secondFactors.begin(id, 'JBSWY3DPEHPK3PXP', new Date());
      await tables.secondFactors.turnOn(id);
    });
    const left = await admin(['reset-password', 'alice', '--generate'], settings(database));
    expect(left.err).toContain('still needs a code of the second factor');
    await expect(signIn('alice', left.out.trim())).rejects.toMatchObject({ code: 'second_factor_needed' });
    const done = await admin(['reset-password', 'alice', '--generate', '--second-factor'], settings(database));
    expect(done).toMatchObject({ code: 0, err: expect.stringContaining('The second factor is removed.') });
    await signIn('alice', done.out.trim());
  });

  it('makes an admin only when none is left who can sign in', async () => {
    const refused = await admin(['reset-password', 'alice', '--generate', '--admin'], settings(database));
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('there is admin; reset that password instead');
    await onStore(database, async ({ tables }) => {
      for (const { id } of await tables.users.list()) await tables.users.update(id, { disabled: true });
    });
    // Somebody of an identity provider cannot sign in while that is away.
    await onStore(database, async ({ tables }) => {
      const common = {
        role: 'admin',
        disabled: false,
        tokenVersion: 0,
        createdAt: new Date(),
        service: false,
      } as const;
      await tables.users.insert({ id: 'of-the-provider', username: 'kim', passwordHash: '', ...common });
    });
    const plain = await admin(['reset-password', 'alice', '--generate'], settings(database));
    expect(plain.err).toContain('The user is disabled and cannot sign in');
    const done = await admin(['reset-password', 'alice', '--generate', '--admin'], settings(database));
    expect(done).toMatchObject({ code: 0, err: 'The password of alice is changed, and the user is an admin now.\n' });
    await signIn('alice', done.out.trim());
    const alice = await onAccounts((accounts) => accounts.getUser('alice'));
    expect(alice).toMatchObject({ role: 'admin', disabled: false });
  });

  it('refuses what cannot be, and never takes a password as an argument', async () => {
    for (const [args, input, code, words] of [
      [['nobody', '--generate'], '', 1, 'there is no user named "nobody"'],
      [['alice', '--password-stdin'], '\n', 1, 'password: 1 to 1024 characters'],
      [['alice', '--password-stdin'], 'two\nlines\n', 1, 'without control characters'],
      [['alice'], '', 2, 'use --password-stdin or --generate'],
      [['alice', NEW], '', 2, 'takes 1 argument(s), not 2'],
      [['alice', `--password=${NEW}`], '', 2, 'an option is unknown'],
      [['alice', '--generate', '--password-stdin'], NEW, 2, 'choose one of'],
      [[], '', 2, 'takes 1 argument(s), not 0'],
    ] as const) {
      const refused = await admin(['reset-password', ...args], settings(database), input);
      expect(refused, words).toMatchObject({ code, out: '' });
      expect(refused.err).toContain(words);
      expect(refused.err).not.toContain(NEW);
    }
    await signIn('alice', OLD);
  });
});
