import type { Kysely } from 'kysely';
import type { Origin } from '#core/domain/actor.ts';
import type { PageFrom } from './page-from.ts';
import type { AuditRow, Schema } from './schema.ts';

export interface AuditRecord {
  readonly at: Date;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly details: Record<string, unknown>;
  /** Where it came from; null or left out for what Berth does by itself. */
  readonly origin?: Origin | null;
}

export interface NumberedAuditRecord extends AuditRecord {
  readonly id: number;
  readonly origin: Origin | null;
}

export interface AuditQuery {
  readonly actor?: string;
  readonly action?: string;
  readonly subject?: string;
  readonly address?: string;
  readonly sessionId?: string;
  readonly apiToken?: string;
  readonly from?: Date;
  readonly until?: Date;
  /** Only records with a smaller id. */
  readonly before?: number;
  readonly limit: number;
}

const LONGEST_ADDRESS = 64;

export type Audit = ReturnType<typeof auditTable>;

export function auditTable(db: Kysely<Schema>) {
  return {
    async add(...records: AuditRecord[]): Promise<void> {
      if (records.length === 0) return;
      await db
        .insertInto('audit')
        .values(
          records.map((record) => ({
            at: record.at.getTime(),
            actor: record.actor,
            action: record.action,
            subject: record.subject,
            details: JSON.stringify(record.details),
            address: record.origin?.address.slice(0, LONGEST_ADDRESS) ?? null,
            session_id: record.origin?.sessionId ?? null,
            api_token: record.origin?.apiToken ?? null,
          })),
        )
        .execute();
    },
    /** Newest first. */
    async list(query: AuditQuery): Promise<NumberedAuditRecord[]> {
      let select = db.selectFrom('audit').selectAll().orderBy('id', 'desc').limit(query.limit);
      if (query.actor !== undefined) select = select.where('actor', '=', query.actor);
      if (query.action !== undefined) select = select.where('action', '=', query.action);
      if (query.subject !== undefined) select = select.where('subject', '=', query.subject);
      if (query.address !== undefined) select = select.where('address', '=', query.address);
      if (query.sessionId !== undefined) select = select.where('session_id', '=', query.sessionId);
      if (query.apiToken !== undefined) select = select.where('api_token', '=', query.apiToken);
      if (query.from) select = select.where('at', '>=', query.from.getTime());
      if (query.until) select = select.where('at', '<', query.until.getTime());
      if (query.before !== undefined) select = select.where('id', '<', query.before);
      return (await select.execute()).map(fromRow);
    },
    /** What was done to a machine of that name, newest first. (A user may bear the same name.) */
    async ofMachine(name: string, from: PageFrom | null, limit: number): Promise<NumberedAuditRecord[]> {
      let select = db
        .selectFrom('audit')
        .selectAll()
        .where('subject', '=', name)
        .where('action', 'like', 'machine.%')
        .orderBy('at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit);
      if (from) {
        const at = from.at.getTime();
        const beforeId = from.beforeId === null ? null : Number(from.beforeId);
        select =
          beforeId === null
            ? select.where('at', from.including ? '<=' : '<', at)
            : select.where('at', '<=', at).where((eb) => eb.or([eb('at', '<', at), eb('id', '<', beforeId)]));
      }
      return (await select.execute()).map(fromRow);
    },
    /** Oldest first, ids above `id`. */
    async after(id: number, limit: number): Promise<NumberedAuditRecord[]> {
      const rows = await db.selectFrom('audit').selectAll().where('id', '>', id).orderBy('id').limit(limit).execute();
      return rows.map(fromRow);
    },
    async lastId(): Promise<number> {
      const row = await db.selectFrom('audit').select(db.fn.max('id').as('id')).executeTakeFirst();
      return Number(row?.id ?? 0);
    },
  };
}

function fromRow(row: Omit<AuditRow, 'id'> & { id: number }): NumberedAuditRecord {
  return {
    id: row.id,
    at: new Date(row.at),
    actor: row.actor,
    action: row.action,
    subject: row.subject,
    details: JSON.parse(row.details) as Record<string, unknown>,
    origin: row.address === null ? null : { address: row.address, sessionId: row.session_id, apiToken: row.api_token },
  };
}
