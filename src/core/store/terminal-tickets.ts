import type { Kysely } from 'kysely';
import type { Schema } from './schema.ts';

/** What opens a terminal once. */
export interface TerminalTicket {
  /** SHA-256 of the ticket, in hex. */
  readonly hash: string;
  readonly userId: string;
  /** What its user was signed in by: a session, or a token of that version. */
  readonly sessionId: string | null;
  readonly tokenVersion: number;
  readonly allocationId: string;
  readonly expiresAt: Date;
}

export type TerminalTickets = ReturnType<typeof terminalTicketsTable>;

export function terminalTicketsTable(db: Kysely<Schema>) {
  return {
    async insert(ticket: TerminalTicket): Promise<void> {
      await db
        .insertInto('terminal_tickets')
        .values({
          hash: ticket.hash,
          user_id: ticket.userId,
          session_id: ticket.sessionId,
          token_version: ticket.tokenVersion,
          allocation_id: ticket.allocationId,
          expires_at: ticket.expiresAt.getTime(),
        })
        .execute();
    },
    /** The ticket, if it is still good; from now on it is not. Of several that take it at once, one gets it. */
    async take(hash: string, now: Date): Promise<TerminalTicket | undefined> {
      const row = await db.selectFrom('terminal_tickets').selectAll().where('hash', '=', hash).executeTakeFirst();
      if (!row) return undefined;
      const taken = await db
        .deleteFrom('terminal_tickets')
        .where('hash', '=', hash)
        .where('expires_at', '>', now.getTime())
        .executeTakeFirst();
      if (taken.numDeletedRows === 0n) return undefined;
      return {
        hash,
        userId: row.user_id,
        sessionId: row.session_id,
        tokenVersion: row.token_version,
        allocationId: row.allocation_id,
        expiresAt: new Date(row.expires_at),
      };
    },
    async countOf(userId: string): Promise<number> {
      const row = await db
        .selectFrom('terminal_tickets')
        .select(db.fn.countAll().as('n'))
        .where('user_id', '=', userId)
        .executeTakeFirstOrThrow();
      return Number(row.n);
    },
    async removeExpired(now: Date): Promise<void> {
      await db.deleteFrom('terminal_tickets').where('expires_at', '<=', now.getTime()).execute();
    },
  };
}
