import type { Kysely } from 'kysely';
import { DuplicateKey } from './failures.ts';
import type { Schema } from './schema.ts';

export type SignInPlaces = ReturnType<typeof signInPlacesTable>;

/** The networks that users have signed in from. */
export function signInPlacesTable(db: Kysely<Schema>) {
  return {
    /** Whether the user of that name has signed in from the network since then. One query, also for a name of nobody. */
    async known(username: string, network: string, since: Date): Promise<boolean> {
      const row = await db
        .selectFrom('sign_in_places')
        .innerJoin('users', 'users.id', 'sign_in_places.user_id')
        .select('users.username')
        .where('users.username', '=', username)
        .where('sign_in_places.network', '=', network)
        .where('sign_in_places.last_at', '>', since.getTime())
        .executeTakeFirst();
      // MariaDB compares without the spaces at the end.
      return row?.username === username;
    },
    /** Says whether it is a new one. */
    async seen(userId: string, network: string, at: Date): Promise<boolean> {
      const updated = await db
        .updateTable('sign_in_places')
        .set({ last_at: at.getTime() })
        .where('user_id', '=', userId)
        .where('network', '=', network)
        .executeTakeFirst();
      if (updated.numUpdatedRows > 0n) return false;
      try {
        await db.insertInto('sign_in_places').values({ user_id: userId, network, last_at: at.getTime() }).execute();
        return true;
      } catch (error) {
        if (error instanceof DuplicateKey) return false;
        throw error;
      }
    },
    /** Keeps those that were seen last. */
    async keepNewest(userId: string, count: number): Promise<void> {
      const old = await db
        .selectFrom('sign_in_places')
        .select('network')
        .where('user_id', '=', userId)
        .orderBy('last_at', 'desc')
        .orderBy('network')
        .limit(1_000)
        .offset(count)
        .execute();
      for (const { network } of old) {
        await db.deleteFrom('sign_in_places').where('user_id', '=', userId).where('network', '=', network).execute();
      }
    },
    async removeOf(userId: string): Promise<void> {
      await db.deleteFrom('sign_in_places').where('user_id', '=', userId).execute();
    },
  };
}
