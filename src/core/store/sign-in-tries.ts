import { type Kysely, sql } from 'kysely';
import type { Dialect } from './dialect.ts';
import type { Schema } from './schema.ts';

/** Failed tries to sign in, of one address, for one name, or of both together. */
export interface Tries {
  /** Those that are being looked at are counted already. */
  readonly failed: number;
  /** No further try is looked at before. */
  readonly pausedUntil: Date;
  /** They count no more from then on. */
  readonly forgetAt: Date;
}

export type SignInTries = ReturnType<typeof signInTriesTable>;

export function signInTriesTable(db: Kysely<Schema>, dialect: Dialect) {
  return {
    /** Those of the ids that there are. With `lock`, within a transaction: nobody else changes them until it ends. */
    async of(ids: readonly string[], lock = false): Promise<Map<string, Tries>> {
      const query = db.selectFrom('sign_in_tries').selectAll().where('id', 'in', ids).orderBy('id');
      const rows = await (lock && dialect === 'mariadb' ? query.forUpdate() : query).execute();
      return new Map(
        rows.map((row) => [
          row.id,
          { failed: row.failed, pausedUntil: new Date(row.paused_until), forgetAt: new Date(row.forget_at) },
        ]),
      );
    },
    /** @throws DuplicateKey when another transaction has added it meanwhile. */
    async insert(id: string, tries: Tries): Promise<void> {
      await db
        .insertInto('sign_in_tries')
        .values({ id, ...toRow(tries) })
        .execute();
    },
    async update(id: string, tries: Tries): Promise<void> {
      await db.updateTable('sign_in_tries').set(toRow(tries)).where('id', '=', id).execute();
    },
    /** Counts one less; a pause until `from`, which that one began, becomes what it was before. */
    async takeBack(id: string, from: Date, before: Date): Promise<void> {
      await db
        .updateTable('sign_in_tries')
        .set((eb) => ({
          failed: eb('failed', '-', 1),
          paused_until: eb
            .case()
            .when('paused_until', '=', from.getTime())
            .then(before.getTime())
            .else(eb.ref('paused_until'))
            .end(),
        }))
        .where('id', '=', id)
        .where('failed', '>', 0)
        .execute();
    },
    async remove(id: string): Promise<void> {
      await db.deleteFrom('sign_in_tries').where('id', '=', id).execute();
    },
    async count(): Promise<number> {
      const row = await db.selectFrom('sign_in_tries').select(db.fn.countAll().as('n')).executeTakeFirstOrThrow();
      return Number(row.n);
    },
    async removeForgotten(now: Date): Promise<void> {
      await db.deleteFrom('sign_in_tries').where('forget_at', '<=', now.getTime()).execute();
    },
    /** Those that failed least go first, and of these the oldest: what somebody hammers at stays. */
    async removeLeast(count: number): Promise<void> {
      // MariaDB takes a LIMIT in a table that is derived, but not in a list of values.
      await sql`DELETE FROM sign_in_tries WHERE id IN (
        SELECT id FROM (SELECT id FROM sign_in_tries ORDER BY failed, forget_at LIMIT ${count}) AS least
      )`.execute(db);
    },
  };
}

function toRow({ failed, pausedUntil, forgetAt }: Tries) {
  return { failed, paused_until: pausedUntil.getTime(), forget_at: forgetAt.getTime() };
}
