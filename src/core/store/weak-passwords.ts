import type { Kysely } from 'kysely';
import { DuplicateKey } from './failures.ts';
import type { Schema } from './schema.ts';

export type WeakPasswords = ReturnType<typeof weakPasswordsTable>;

/** Whose password breaks the rules, as was seen when it was last at hand. */
export function weakPasswordsTable(db: Kysely<Schema>) {
  const has = async (userId: string): Promise<boolean> => {
    const row = await db
      .selectFrom('weak_passwords')
      .select('user_id')
      .where('user_id', '=', userId)
      .executeTakeFirst();
    return row !== undefined;
  };
  return {
    has,
    async set(userId: string, weak: boolean): Promise<void> {
      if ((await has(userId)) === weak) return;
      if (!weak) {
        await db.deleteFrom('weak_passwords').where('user_id', '=', userId).execute();
        return;
      }
      try {
        await db.insertInto('weak_passwords').values({ user_id: userId }).execute();
      } catch (error) {
        if (!(error instanceof DuplicateKey)) throw error;
      }
    },
  };
}
