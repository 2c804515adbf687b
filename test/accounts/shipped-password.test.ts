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
