import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Schema } from './schema.ts';
import { keyIdOf, type Seal } from './seal.ts';

/** A credential that none of the keys opens. */
export interface ClosedCredential {
  readonly machine: string;
  /** Of the key that it was sealed with. */
  readonly keyId: string;
  readonly problem: string;
}

export type Credentials = ReturnType<typeof credentialsTable>;

/** The machines' sealed credentials, as such: which key they were sealed with, and how they get another one. */
export function credentialsTable(db: Kysely<Schema>, seal: Seal) {
  const current = `v1.${seal.keyId}.`;
  const batch = (after: string, limit: number) =>
    db.selectFrom('machines').select(['id', 'name', 'credential']).where('id', '>', after).orderBy('id').limit(limit);

  return {
    /** How many are not sealed with the key of today. */
    async countOutdated(): Promise<number> {
      const row = await db
        .selectFrom('machines')
        .select(db.fn.countAll().as('n'))
        .where(sql<string>`substr(credential, 1, ${current.length})`, '<>', current)
        .executeTakeFirstOrThrow();
      return Number(row.n);
    },
    /** Tries to open up to `limit` credentials of machines with an id after `after`; `last` is null after the last one. */
    async tryToOpen(
      after: string,
      limit: number,
    ): Promise<{ opened: number; outdated: number; closed: ClosedCredential[]; last: string | null }> {
      const rows = await batch(after, limit).execute();
      const closed: ClosedCredential[] = [];
      for (const row of rows) {
        try {
          seal.open(row.credential, row.id);
        } catch (error) {
          closed.push({ machine: row.name, keyId: keyIdOf(row.credential), problem: (error as Error).message });
        }
      }
      const outdated = rows.filter((row) => !row.credential.startsWith(current)).length;
      return { opened: rows.length - closed.length, outdated, closed, last: rows.at(-1)?.id ?? null };
    },
    /**
     * Seals up to `limit` credentials anew with the key of today, of machines with an id after `after`. One that somebody
     * changes at the same moment is left to them. Those that no key opens are left as they are and named.
     */
    async reseal(
      after: string,
      limit: number,
    ): Promise<{ moved: number; closed: ClosedCredential[]; last: string | null }> {
      const rows = await batch(after, limit)
        .where(sql<string>`substr(credential, 1, ${current.length})`, '<>', current)
        .execute();
      const closed: ClosedCredential[] = [];
      let moved = 0;
      for (const { id, name, credential } of rows) {
        let plain: string;
        try {
          plain = seal.open(credential, id);
        } catch (error) {
          closed.push({ machine: name, keyId: keyIdOf(credential), problem: (error as Error).message });
          continue;
        }
        const result = await db
          .updateTable('machines')
          .set({ credential: seal.close(plain, id) })
          .where('id', '=', id)
          .where('credential', '=', credential)
          .executeTakeFirst();
        moved += Number(result.numUpdatedRows);
      }
      return { moved, closed, last: rows.at(-1)?.id ?? null };
    },
  };
}
