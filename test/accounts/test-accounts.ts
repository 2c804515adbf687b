import type { Accounts } from '#core/accounts/accounts.ts';
import { createAccounts } from '#core/accounts/create-accounts.ts';
import type { Database } from '#core/store/dialect.ts';
import { openStore, type Store } from '#core/store/store.ts';
import { LENIENT } from '../support/test-pool.ts';

export const KEYS = { secret: Buffer.alloc(32, 9), expiresMinutes: 60 };
export const PASSWORD = 'a-password-for-tests';
export const NOW = new Date(Date.UTC(2026, 0, 1));

/** One process's accounts over a database. */
export async function openAccounts(
  database: Database,
  secretKey = Buffer.alloc(32, 7),
): Promise<{ store: Store; accounts: Accounts }> {
  const store = await openStore({
    database,
    secretKey,
    connectRetries: 20,
    connectRetrySeconds: 0.1,
  });
  return { store, accounts: createAccounts(store, KEYS, LENIENT) };
}

/** The moment that many minutes after the tests' beginning. */
export function minutesLater(minutes: number): Date {
  return new Date(NOW.getTime() + minutes * 60_000);
}
