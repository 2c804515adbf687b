import type { Kysely } from 'kysely';
import { DuplicateKey } from './failures.ts';
import type { Schema } from './schema.ts';

export type Heartbeats = ReturnType<typeof heartbeatsTable>;

/** When each kind of process was last seen at work. */
export function heartbeatsTable(db: Kysely<Schema>) {
  return {
    async beat(name: string, at: Date): Promise<void> {
      const updated = await db
        .updateTable('heartbeats')
        .set({ at: at.getTime() })
        .where('name', '=', name)
        .executeTakeFirst();
      if (updated.numUpdatedRows > 0n) return;
      try {
        await db.insertInto('heartbeats').values({ name, at: at.getTime() }).execute();
      } catch (error) {
        if (!(error instanceof DuplicateKey)) throw error;
      }
    },
    async lastAt(name: string): Promise<Date | undefined> {
      const row = await db.selectFrom('heartbeats').select('at').where('name', '=', name).executeTakeFirst();
      return row && new Date(row.at);
    },
  };
}
