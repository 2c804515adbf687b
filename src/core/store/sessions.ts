import type { Kysely } from 'kysely';
import type { Schema, SessionRow } from './schema.ts';

/** Where somebody is signed in: one browser, from its sign-in on. */
export interface Session {
  readonly id: string;
  readonly userId: string;
  /** The user's token version that it is good for. */
  readonly tokenVersion: number;
  /** SHA-256, in hex, of the refresh token that is good now, and of the one before it. */
  readonly tokenHash: string;
  readonly previousHash: string | null;
  readonly rotatedAt: Date;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
  readonly address: string;
  readonly userAgent: string;
}

export type Sessions = ReturnType<typeof sessionsTable>;

export function sessionsTable(db: Kysely<Schema>) {
  return {
    async insert(session: Session): Promise<void> {
      await db.insertInto('sessions').values(toRow(session)).execute();
    },
    async byId(id: string): Promise<Session | undefined> {
      const row = await db.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
      return row && fromRow(row);
    },
    /** Those of a user that have not run out, used last first. */
    async ofUser(userId: string, now: Date): Promise<Session[]> {
      const rows = await db
        .selectFrom('sessions')
        .selectAll()
        .where('user_id', '=', userId)
        .where('expires_at', '>', now.getTime())
        .orderBy('last_used_at', 'desc')
        .execute();
      return rows.map(fromRow);
    },
    /** Puts the next token in the place of `from`; false when that is not the one that is good now. */
    async rotate(
      id: string,
      from: string,
      next: { hash: string; now: Date; expiresAt: Date; address: string; userAgent: string },
    ): Promise<boolean> {
      const result = await db
        .updateTable('sessions')
        .set({
          token_hash: next.hash,
          previous_hash: from,
          rotated_at: next.now.getTime(),
          last_used_at: next.now.getTime(),
          expires_at: next.expiresAt.getTime(),
          address: next.address,
          user_agent: next.userAgent,
        })
        .where('id', '=', id)
        .where('token_hash', '=', from)
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
    async setTokenVersion(id: string, tokenVersion: number): Promise<void> {
      await db.updateTable('sessions').set({ token_version: tokenVersion }).where('id', '=', id).execute();
    },
    /** Says whether it was there. */
    async remove(id: string): Promise<boolean> {
      const result = await db.deleteFrom('sessions').where('id', '=', id).executeTakeFirst();
      return result.numDeletedRows > 0n;
    },
    /** Answers how many there were. */
    async removeOf(userId: string, except: string | null = null): Promise<number> {
      let query = db.deleteFrom('sessions').where('user_id', '=', userId);
      if (except !== null) query = query.where('id', '<>', except);
      return Number((await query.executeTakeFirst()).numDeletedRows);
    },
    async removeExpired(now: Date): Promise<void> {
      await db.deleteFrom('sessions').where('expires_at', '<=', now.getTime()).execute();
    },
  };
}

function fromRow(row: SessionRow): Session {
  return {
    id: row.id,
    userId: row.user_id,
    tokenVersion: row.token_version,
    tokenHash: row.token_hash,
    previousHash: row.previous_hash,
    rotatedAt: new Date(row.rotated_at),
    createdAt: new Date(row.created_at),
    lastUsedAt: new Date(row.last_used_at),
    expiresAt: new Date(row.expires_at),
    address: row.address,
    userAgent: row.user_agent,
  };
}

function toRow(session: Session): SessionRow {
  return {
    id: session.id,
    user_id: session.userId,
    token_version: session.tokenVersion,
    token_hash: session.tokenHash,
    previous_hash: session.previousHash,
    rotated_at: session.rotatedAt.getTime(),
    created_at: session.createdAt.getTime(),
    last_used_at: session.lastUsedAt.getTime(),
    expires_at: session.expiresAt.getTime(),
    address: session.address,
    user_agent: session.userAgent,
  };
}
