import { expect, it } from 'vitest';
import { startProcess } from '../support/processes.ts';
import { freshSqlite } from '../support/test-pool.ts';

it('a shipped password that was stored earlier keeps the server from listening to others', async () => {
  const { database, remove } = freshSqlite();
  try {
    const first = await startProcess('src/api/main.ts', database, { ADMIN_DEFAULT_PASSWORD: 'change-me' });
    await first.stop();
    // Another default password now does not change what is stored.
    const open = { HOST: '0.0.0.0', ADMIN_DEFAULT_PASSWORD: 'something else entirely' };
    const problem = await startProcess('src/api/main.ts', database, open).then(
      async (started) => {
        await started.stop();
        return 'it started';
      },
      (error: Error) => error.message,
    );
    expect(problem).toContain('HOST: the shipped password still opens admin');
  } finally {
    remove();
  }
});

it('a first password against the rules keeps the server from starting where they are enforced', async () => {
  const { database, remove } = freshSqlite();
  try {
    const settings = { PASSWORD_RULES: 'enforce', ADMIN_DEFAULT_PASSWORD: 's3cret' };
    const start = startProcess('src/api/main.ts', database, settings);
    await expect(start).rejects.toThrow(
      /berth: ADMIN_DEFAULT_PASSWORD: it is too short; at least 12 characters[^\n]*\n$/,
    );
    // Once there is an admin the setting is not used, and no reason to stay away.
    const first = await startProcess('src/api/main.ts', database);
    await first.stop();
    const again = await startProcess('src/api/main.ts', database, settings);
    await again.stop();
  } finally {
    remove();
  }
});
