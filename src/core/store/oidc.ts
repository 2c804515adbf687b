import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import { DuplicateKey } from './failures.ts';
import type { Schema } from './schema.ts';

export type Oidc = ReturnType<typeof oidcTables>;

/** Whom an identity provider means by a subject, and which of its answers were used already. */
export function oidcTables(db: Kysely<Schema>) {
  return {
    /** Id of the user that this subject of the issuer is. */
    async userIdOf(issuer: string, subject: string): Promise<string | undefined> {
      const row = await db
        .selectFrom('oidc_identities')
        .select('user_id')
        .where('digest', '=', digestOf(issuer, subject))
        .executeTakeFirst();
      return row?.user_id;
    },
    /** @throws DuplicateKey when the subject has a user, or the user a subject. */
    async bind(issuer: string, subject: string, userId: string, now: Date): Promise<void> {
      const digest = digestOf(issuer, subject);
      await db
        .insertInto('oidc_identities')
        .values({ digest, issuer, subject, user_id: userId, created_at: now.getTime() })
        .execute();
    },
    async unbind(userId: string): Promise<void> {
      await db.deleteFrom('oidc_identities').where('user_id', '=', userId).execute();
    },
    async forgetState(state: string): Promise<void> {
      await db.deleteFrom('oidc_used_states').where('digest', '=', digestOf('state', state)).execute();
    },
    /** True for the first use of a state, from whatever process; it is remembered until it expires. */
    async useState(state: string, expiresAt: Date, now: Date): Promise<boolean> {
      await db.deleteFrom('oidc_used_states').where('expires_at', '<=', now.getTime()).execute();
      try {
        const digest = digestOf('state', state);
        await db.insertInto('oidc_used_states').values({ digest, expires_at: expiresAt.getTime() }).execute();
        return true;
      } catch (error) {
        if (error instanceof DuplicateKey) return false;
        throw error;
      }
    },
  };
}

function digestOf(...parts: string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
