import { describe, expect, it } from 'vitest';
import { databases } from '../support/databases.ts';
import { freshSqlite } from '../support/test-pool.ts';
import { race } from './race.ts';
import { NOW, openAccounts, PASSWORD } from './test-accounts.ts';

const PROCESSES = 5;

describe.each(databases)('the first admin on $name', ({ fresh }) => {
  it.each([
    ['on an empty database', true],
    ['on one whose tables are there', false],
  ])('is made once by processes that start at the same moment %s', async (_, empty) => {
    const { database, remove } = await fresh();
    try {
      if (!empty) await (await openAccounts(database)).store.close();
      const open = `
        const database = ${JSON.stringify(database)};
        const secretKey = Buffer.alloc(32, 7);
        const store = await openStore({ database, secretKey, connectRetries: 20, connectRetrySeconds: 0.1 });
        const keys = { secret: Buffer.alloc(32, 9), expiresMinutes: 60 };
        const accounts = createAccounts(store, keys, { minLength: 12, enforced: false });`;
      await race(
        PROCESSES,
        `import { createAccounts } from '#core/accounts/create-accounts.ts';
         import { openStore } from '#core/store/store.ts';
         ${empty ? '' : open}`,
        `async () => {
           ${empty ? open : ''}
           await accounts.seedAdmin('admin', '${PASSWORD}', new Date());
           await store.close();
         }`,
      );
      const { store, accounts } = await openAccounts(database);
      expect(await accounts.listUsers()).toMatchObject([{ username: 'admin', role: 'admin', disabled: false }]);
      expect(await store.tables.audit.list({ limit: 10 })).toMatchObject([{ actor: 'setup', action: 'user.created' }]);
      expect((await accounts.login('admin', PASSWORD, NOW)).expiresInSeconds).toBe(3600);
      await store.close();
    } finally {
      await remove();
    }
  });
});

describe('the first admin', () => {
  it('is not made, and nobody is changed, where there are users already', async () => {
    const { database, remove } = freshSqlite();
    const { store, accounts } = await openAccounts(database);
    try {
      await accounts.seedAdmin('chief', PASSWORD, NOW);
      await accounts.seedAdmin('admin', 'another-password', NOW);
      await accounts.seedAdmin('chief', 'another-password', NOW);
      expect(await accounts.listUsers()).toHaveLength(1);
      await expect(accounts.login('chief', 'another-password', NOW)).rejects.toMatchObject({ code: 'invalid_grant' });
      await accounts.login('chief', PASSWORD, NOW);
    } finally {
      await store.close();
      remove();
    }
  });
});
