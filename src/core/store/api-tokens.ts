import type { Kysely } from 'kysely';
import type { Role } from '#core/domain/actor.ts';
import { SCOPES, type Scope } from '#core/domain/scope.ts';
import type { ApiTokenRow, Schema } from './schema.ts';

/** What a program signs in by, in the name of a user. */
export interface ApiToken {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  /** SHA-256 of the token, in hex. */
  readonly hash: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** To the minute. */
  readonly lastUsedAt: Date | null;
}

/** A token and whose it is. */
export interface OwnedApiToken extends ApiToken {
  readonly owner: {
    readonly username: string;
    readonly role: Role;
    readonly disabled: boolean;
    readonly tokenVersion: number;
  };
}

export type ApiTokens = ReturnType<typeof apiTokensTable>;

export function apiTokensTable(db: Kysely<Schema>) {
  return {
    /** One look at the database, for each request that a program makes. */
    async byHash(hash: string): Promise<OwnedApiToken | undefined> {
      const row = await db
        .selectFrom('api_tokens')
        .innerJoin('users', 'users.id', 'api_tokens.user_id')
        .selectAll('api_tokens')
        .select(['users.username', 'users.role', 'users.disabled', 'users.token_version'])
        .where('api_tokens.hash', '=', hash)
        .executeTakeFirst();
      return (
        row && {
          ...fromRow(row),
          owner: {
            username: row.username,
            role: row.role,
            disabled: row.disabled === 1,
            tokenVersion: row.token_version,
          },
        }
      );
    },
    /** By name, those that have run out too. */
    async ofUser(userId: string): Promise<ApiToken[]> {
      const rows = await db
        .selectFrom('api_tokens')
        .selectAll()
        .where('user_id', '=', userId)
        .orderBy('name')
        .execute();
      return rows.map(fromRow);
    },
    /** @throws DuplicateKey when the user has a token of that name. */
    async insert(token: ApiToken): Promise<void> {
      await db
        .insertInto('api_tokens')
        .values({
          id: token.id,
          user_id: token.userId,
          name: token.name,
          hash: token.hash,
          scopes: token.scopes.join(','),
          created_at: token.createdAt.getTime(),
          expires_at: token.expiresAt.getTime(),
          last_used_at: token.lastUsedAt?.getTime() ?? null,
        })
        .execute();
    },
    /** Writes down a use unless one is written since `unlessSince`. */
    async used(id: string, at: Date, unlessSince: Date): Promise<void> {
      await db
        .updateTable('api_tokens')
        .set({ last_used_at: at.getTime() })
        .where('id', '=', id)
        .where((eb) => eb.or([eb('last_used_at', 'is', null), eb('last_used_at', '<=', unlessSince.getTime())]))
        .execute();
    },
    /** Says whether it was there. */
    async remove(id: string): Promise<boolean> {
      const result = await db.deleteFrom('api_tokens').where('id', '=', id).executeTakeFirst();
      return result.numDeletedRows > 0n;
    },
    /** Forgets those of a user that have run out. */
    async removeExpired(userId: string, now: Date): Promise<void> {
      await db
        .deleteFrom('api_tokens')
        .where('user_id', '=', userId)
        .where('expires_at', '<=', now.getTime())
        .execute();
    },
  };
}

function fromRow(row: ApiTokenRow): ApiToken {
  const scopes = row.scopes.split(',');
  return {
    id: row.id,
    userId: row.user_id,
    name: row.name,
    hash: row.hash,
    scopes: SCOPES.filter((scope) => scopes.includes(scope)),
    createdAt: new Date(row.created_at),
    expiresAt: new Date(row.expires_at),
    lastUsedAt: row.last_used_at === null ? null : new Date(row.last_used_at),
  };
}
