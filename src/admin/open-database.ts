import type { Config } from '#core/runtime/config.ts';
import { resolveSecrets } from '#core/runtime/secrets.ts';
import { withDatabase } from '#core/store/handle.ts';
import { openStore, type Store } from '#core/store/store.ts';

/** Works on the database of the settings, which has to be there. @throws Refusal `unavailable`. */
export async function openDatabase<T>(config: Config, work: (store: Store) => Promise<T>): Promise<T> {
  // A wrong path must not become an empty database.
  await withDatabase(config.database, async () => undefined);
  const { secretKey, oldSecretKeys } = resolveSecrets(config);
  const { database } = config;
  const store = await openStore({ database, secretKey, oldSecretKeys, connectRetries: 0, connectRetrySeconds: 0 });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
