import { type Kysely, sql } from 'kysely';
import type { Schema } from './schema.ts';
import { keyIdOf, type Seal } from './seal.ts';

export interface SecondFactorState {
  /** In base32, as an authenticator app takes it; null when no key opens it. */
  readonly secret: string | null;
  /** False until a code has shown that the app has the secret: then nobody is asked for one yet. */
  readonly on: boolean;
}

export type SecondFactors = ReturnType<typeof secondFactorsTable>;

/** Secrets of authenticator apps, sealed, and digests of the codes that stand in for the app. */
export function secondFactorsTable(db: Kysely<Schema>, seal: Seal) {
  const current = `v1.${seal.keyId}.`;
  const outdated = sql<boolean>`substr(secret, 1, ${current.length}) <> ${current}`;

  const dropCodes = async (userId: string): Promise<void> => {
    await db.deleteFrom('recovery_codes').where('user_id', '=', userId).execute();
  };

  return {
    async of(userId: string): Promise<SecondFactorState | undefined> {
      const row = await db.selectFrom('second_factors').selectAll().where('user_id', '=', userId).executeTakeFirst();
      if (!row) return undefined;
      const on = row.is_on === 1;
      try {
        return { secret: seal.open(row.secret, contextOf(userId)), on };
      } catch {
        return { secret: null, on };
      }
    },
    async isOn(userId: string): Promise<boolean> {
      return (await this.usersWithIt(userId)).has(userId);
    },
    /** The ids of all users that are asked for a code, or of the one that is given if so. */
    async usersWithIt(only?: string): Promise<ReadonlySet<string>> {
      const all = db.selectFrom('second_factors').select('user_id').where('is_on', '=', 1);
      const rows = await (only === undefined ? all : all.where('user_id', '=', only)).execute();
      return new Set(rows.map((row) => row.user_id));
    },
    /** Puts a secret that is not asked for yet in the place of another such. Within a transaction. */
    async begin(userId: string, secret: string, now: Date): Promise<void> {
      await db.deleteFrom('second_factors').where('user_id', '=', userId).where('is_on', '=', 0).execute();
      await db
        .insertInto('second_factors')
        .values({
          user_id: userId,
          secret: seal.close(secret, contextOf(userId)),
          is_on: 0,
          last_step: 0,
          created_at: now.getTime(),
        })
        .execute();
    },
    /** False when somebody else was faster. */
    async turnOn(userId: string): Promise<boolean> {
      const result = await db
        .updateTable('second_factors')
        .set({ is_on: 1 })
        .where('user_id', '=', userId)
        .where('is_on', '=', 0)
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
    /** Uses up a step and all before it; false when that one or a later one was used already. */
    async spendStep(userId: string, step: number): Promise<boolean> {
      const result = await db
        .updateTable('second_factors')
        .set({ last_step: step })
        .where('user_id', '=', userId)
        .where('last_step', '<', step)
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
    /** Uses up a recovery code; false when there is no such code any more. */
    async spendCode(userId: string, hash: string): Promise<boolean> {
      const result = await db
        .deleteFrom('recovery_codes')
        .where('user_id', '=', userId)
        .where('hash', '=', hash)
        .executeTakeFirst();
      return result.numDeletedRows > 0n;
    },
    async replaceCodes(userId: string, hashes: readonly string[]): Promise<void> {
      await dropCodes(userId);
      await db
        .insertInto('recovery_codes')
        .values(hashes.map((hash) => ({ user_id: userId, hash })))
        .execute();
    },
    async countCodes(userId: string): Promise<number> {
      const row = await db
        .selectFrom('recovery_codes')
        .select(db.fn.countAll().as('n'))
        .where('user_id', '=', userId)
        .executeTakeFirstOrThrow();
      return Number(row.n);
    },
    /** Removes it with its recovery codes; says whether it was on. */
    async removeOf(userId: string): Promise<boolean> {
      const wasOn = await this.isOn(userId);
      await db.deleteFrom('second_factors').where('user_id', '=', userId).execute();
      await dropCodes(userId);
      return wasOn;
    },
    /** Seals those anew that are not sealed with the key of today. `closed` names the users whose secret no key opens. */
    async reseal(): Promise<{ moved: number; closed: readonly { userId: string; keyId: string }[] }> {
      const rows = await db.selectFrom('second_factors').select(['user_id', 'secret']).where(outdated).execute();
      const closed: { userId: string; keyId: string }[] = [];
      let moved = 0;
      for (const { user_id: userId, secret } of rows) {
        let plain: string;
        try {
          plain = seal.open(secret, contextOf(userId));
        } catch {
          closed.push({ userId, keyId: keyIdOf(secret) });
          continue;
        }
        const result = await db
          .updateTable('second_factors')
          .set({ secret: seal.close(plain, contextOf(userId)) })
          .where('user_id', '=', userId)
          .where('secret', '=', secret)
          .executeTakeFirst();
        moved += Number(result.numUpdatedRows);
      }
      return { moved, closed };
    },
  };
}

function contextOf(userId: string): string {
  return `second factor of ${userId}`;
}
