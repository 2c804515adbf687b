import { type Config, SettingError } from '#core/runtime/config.ts';
import { forgetOldKey, replaceKeptKey, resolveSecrets } from '#core/runtime/secrets.ts';
import type { ClosedCredential } from '#core/store/credentials.ts';
import { sealKeyId } from '#core/store/seal.ts';
import type { Store } from '#core/store/store.ts';
import { refuseWhileAtWork } from './at-work.ts';
import { openDatabase } from './open-database.ts';
import { Problem } from './problem.ts';

const BATCH = 100;

/**
 * Seals every credential anew that was not sealed with the key of today. With `newFile` that is a new kept key, which first
 * takes the place of the old one. Can be interrupted and repeated at any point.
 */
export async function rotateKey(config: Config, newFile: boolean): Promise<void> {
  if (newFile) await openDatabase(config, (store) => putNewKey(config, store));
  await openDatabase(config, async (store) => {
    const keyId = sealKeyId(resolveSecrets(config).secretKey);
    const total = await store.tables.credentials.countOutdated();
    console.log(`${total} credentials are to be sealed with the key ${keyId}`);
    await resealAuditKey(store, keyId);
    await resealSecondFactors(store, keyId);
    const { moved, closed } = await resealAll(store, keyId, (done) => console.log(`${done} of ${total}`));
    for (const { machine, problem } of closed) console.error(`${machine}: ${problem}`);
    const left = await store.tables.credentials.countOutdated();
    if (left > 0) {
      throw new Problem(
        `${moved} credentials are sealed anew and ${left} are not; set the keys that they were sealed with in BERTH_SECRET_KEYS_OLD and run this again, or give those machines new credentials`,
      );
    }
    if (config.secretKey === null) forgetOldKey(config.dataDir);
    console.log(`${moved} credentials are sealed anew; nothing is sealed with another key than ${keyId}`);
  });
}

/** The key of the audit chain stays what it is. @throws Problem when no key opens it. */
async function resealAuditKey(store: Store, keyId: string): Promise<void> {
  try {
    if (await store.tables.auditChain.reseal()) console.log(`the audit key is sealed with the key ${keyId}`);
  } catch (error) {
    throw new Problem(`the audit key: ${(error as Error).message}`);
  }
}

/** @throws Problem when no key opens one of them. */
async function resealSecondFactors(store: Store, keyId: string): Promise<void> {
  const { moved, closed } = await store.tables.secondFactors.reseal();
  if (moved > 0) console.log(`${moved} second factors are sealed with the key ${keyId}`);
  if (closed.length === 0) return;
  const users = await Promise.all(closed.map(async ({ userId }) => await store.tables.users.byId(userId)));
  throw new Problem(
    `no key opens the second factor of ${users.map((user) => user?.username).join(', ')}; set the key that it was sealed with in BERTH_SECRET_KEYS_OLD and run this again, or remove it with reset-password --second-factor`,
  );
}

async function putNewKey(config: Config, store: Store): Promise<void> {
  if (config.secretKey !== null) {
    throw new SettingError(
      'BERTH_SECRET_KEY: it is set, so no kept key is in use; set it to a new one (openssl rand -base64 32), set BERTH_SECRET_KEYS_OLD to the old one, and run rotate-key without --new-file',
    );
  }
  await refuseWhileAtWork(() => store.tables.heartbeats.lastAt('scheduler'));
  replaceKeptKey(config.dataDir);
}

async function resealAll(
  store: Store,
  keyId: string,
  progress: (done: number) => void,
): Promise<{ moved: number; closed: readonly ClosedCredential[] }> {
  let moved = 0;
  const closed: ClosedCredential[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const from: string = after;
    const batch = await store.transaction(async (tables) => {
      const done = await tables.credentials.reseal(from, BATCH);
      if (done.moved > 0) {
        await tables.audit.add({
          at: new Date(),
          actor: 'setup',
          action: 'credentials.resealed',
          subject: 'machines',
          details: { credentials: done.moved, key: keyId },
        });
      }
      return done;
    });
    moved += batch.moved;
    closed.push(...batch.closed);
    after = batch.last;
    if (batch.moved > 0) progress(moved);
  }
  return { moved, closed };
}
