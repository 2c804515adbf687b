import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import { type AuditContent, CHAIN_START, hashOf, macOf, sameHash } from './audit-hash.ts';
import { DuplicateKey } from './failures.ts';
import type { AuditSealRow, Schema } from './schema.ts';
import { keyIdOf, type Seal } from './seal.ts';

/** What the audit key is sealed with besides the secret key. */
export const AUDIT_KEY_CONTEXT = 'audit key';
/** Ids become visible out of order. Each look goes back this far from the highest one that is sealed ... */
const LOOK_BACK_IDS = 500;
/** ... and a deep one to what was sealed this long ago: no transaction lasts as long. A row that appears later is none of ours. */
export const LATEST_MS = 15 * 60_000;

/** Which rows are asked for: those beside the head, or also those that came very late. */
export type Look = 'near' | 'deep';

export interface Pruned {
  readonly rows: number;
  /** When the first and the last of them happened. */
  readonly from: Date;
  readonly until: Date;
  /** The number in the chain up to which all are gone. */
  readonly anchor: number;
}

/** The chain does not fit the audit log. `berth-admin audit verify` tells where. */
export class BrokenChain extends Error {}

export type AuditChain = ReturnType<typeof auditChainTable>;

/** The chain over the audit log. Verbs that change it are for a transaction of their own. */
export function auditChainTable(db: Kysely<Schema>, seal: Seal) {
  const current = async (): Promise<AuditSealRow | undefined> =>
    await db.selectFrom('audit_seal').selectAll().where('id', '=', 1).executeTakeFirst();

  /**
   * Keeps others from changing the chain until this transaction ends.
   * @throws BrokenChain when its head or anchor was altered: nothing is built on it, which would vouch for it.
   */
  const lock = async (): Promise<{ state: AuditSealRow; key: Buffer }> => {
    const raise = async () =>
      await db
        .updateTable('audit_seal')
        .set((eb) => ({ version: eb('version', '+', 1) }))
        .where('id', '=', 1)
        .executeTakeFirst();
    if ((await raise()).numUpdatedRows === 0n) throw new BrokenChain('the key of the audit log is gone (audit_seal)');
    const state = (await current()) as AuditSealRow;
    const key = openAuditKey(seal, state.audit_key);
    const head = { seq: state.head_seq, hash: state.head_hash };
    const anchor = { seq: state.anchor_seq, hash: state.anchor_hash };
    if (!sameHash(macOf(key, 'anchor', anchor), state.anchor_mac)) throw new BrokenChain('the anchor was altered');
    if (!sameHash(macOf(key, 'head', head), state.head_mac)) throw new BrokenChain('the head of the chain was altered');
    const last = await db
      .selectFrom('audit_chain')
      .select(['seq', 'hash'])
      .orderBy('seq', 'desc')
      .limit(1)
      .executeTakeFirst();
    const end = last ?? anchor;
    if (end.seq !== head.seq || !sameHash(end.hash, head.hash)) {
      throw new BrokenChain('the last entries of the chain were removed or altered');
    }
    return { state, key };
  };

  /** The id above which rows may still have to be sealed. */
  const floor = async (look: Look, now: Date): Promise<number> => {
    if (look === 'near') return Number((await current())?.head_audit_id ?? 0) - LOOK_BACK_IDS;
    return await deepFloor(db, now);
  };

  const unsealed = (above: number, limit: number) =>
    db
      .selectFrom('audit')
      .leftJoin('audit_chain', 'audit_chain.audit_id', 'audit.id')
      .selectAll('audit')
      .where('audit.id', '>', above)
      .where('audit_chain.seq', 'is', null)
      .orderBy('audit.id')
      .limit(limit);

  return {
    /** Whether the key has been made. */
    async isStarted(): Promise<boolean> {
      return (await current()) !== undefined;
    },
    /** @throws Error when the audit key is there and no key opens it. */
    async checkKey(): Promise<void> {
      const state = await current();
      if (state) openAuditKey(seal, state.audit_key);
    },
    /** Makes the key, unless it is there. @throws BrokenChain when the chain is there and its key is not. */
    async start(): Promise<void> {
      if (await current()) return;
      if (await db.selectFrom('audit_chain').select('seq').limit(1).executeTakeFirst()) {
        throw new BrokenChain('the key of the audit log is gone (audit_seal)');
      }
      const key = randomBytes(32);
      try {
        await db
          .insertInto('audit_seal')
          .values({
            id: 1,
            audit_key: seal.close(key.toString('base64'), AUDIT_KEY_CONTEXT),
            head_seq: CHAIN_START.seq,
            head_hash: CHAIN_START.hash,
            head_audit_id: 0,
            head_mac: macOf(key, 'head', CHAIN_START),
            anchor_seq: CHAIN_START.seq,
            anchor_hash: CHAIN_START.hash,
            anchor_mac: macOf(key, 'anchor', CHAIN_START),
            version: 0,
          })
          .execute();
      } catch (error) {
        if (!(error instanceof DuplicateKey)) throw error;
      }
    },
    /** When the oldest row happened that is not sealed yet. */
    async oldestUnsealed(look: Look, now: Date): Promise<Date | undefined> {
      const [row] = await unsealed(await floor(look, now), 1).execute();
      return row && new Date(row.at);
    },
    /** Adds up to `limit` rows to the chain; answers how many. @throws Error when no key opens the audit key. */
    async sealNext(look: Look, limit: number, now: Date): Promise<number> {
      const { state, key } = await lock();
      const rows = await unsealed(await floor(look, now), limit).execute();
      if (rows.length === 0) return 0;
      let { head_seq: seq, head_hash: hash } = state;
      const sealedAt = now.getTime();
      const links = rows.map((row) => {
        seq += 1;
        hash = hashOf(key, hash, seq, sealedAt, row as AuditContent);
        return { seq, audit_id: row.id, sealed_at: sealedAt, hash };
      });
      await db.insertInto('audit_chain').values(links).execute();
      await db
        .updateTable('audit_seal')
        .set({
          head_seq: seq,
          head_hash: hash,
          head_audit_id: Math.max(state.head_audit_id, ...rows.map(({ id }) => id)),
          head_mac: macOf(key, 'head', { seq, hash }),
        })
        .where('id', '=', 1)
        .execute();
      return rows.length;
    },
    /** How old the first row is that is still kept and sealed. */
    async oldestKept(): Promise<Date | undefined> {
      const row = await db.selectFrom('audit_chain').select('sealed_at').orderBy('seq').limit(1).executeTakeFirst();
      return row && new Date(row.sealed_at);
    },
    /**
     * Deletes up to `limit` of the first rows of the chain, as far as they were sealed before `before`, and leaves an anchor
     * in their place. What does not fit the chain is not deleted. Null when there was nothing to do.
     * @throws BrokenChain at a row that was altered or removed.
     */
    async prune(before: Date, limit: number): Promise<Pruned | null> {
      const { state, key } = await lock();
      const anchor = { seq: state.anchor_seq, hash: state.anchor_hash };
      const links = await linksAfter(db, anchor.seq, limit);
      let point = anchor;
      const gone: number[] = [];
      const times: number[] = [];
      for (const { seq, hash, sealedAt, row } of links) {
        if (sealedAt >= before.getTime()) break;
        if (seq !== point.seq + 1 || !row || !sameHash(hashOf(key, point.hash, seq, sealedAt, row), hash)) {
          throw new BrokenChain(`entry ${seq} of the audit chain does not fit; nothing from there on is deleted`);
        }
        point = { seq, hash };
        gone.push(row.id);
        times.push(row.at);
      }
      if (gone.length === 0) return null;
      // First: the triggers let go only of what is behind it.
      await db
        .updateTable('audit_seal')
        .set({ anchor_seq: point.seq, anchor_hash: point.hash, anchor_mac: macOf(key, 'anchor', point) })
        .where('id', '=', 1)
        .execute();
      await db.deleteFrom('audit').where('id', 'in', gone).execute();
      await db.deleteFrom('audit_chain').where('seq', '<=', point.seq).execute();
      return {
        rows: gone.length,
        from: new Date(Math.min(...times)),
        until: new Date(Math.max(...times)),
        anchor: point.seq,
      };
    },
    /** Seals the audit key with the key of today; false when it was so already. @throws Error when no key opens it. */
    async reseal(): Promise<boolean> {
      const state = await current();
      if (!state || keyIdOf(state.audit_key) === seal.keyId) return false;
      const plain = seal.open(state.audit_key, AUDIT_KEY_CONTEXT);
      const { numUpdatedRows } = await db
        .updateTable('audit_seal')
        .set({ audit_key: seal.close(plain, AUDIT_KEY_CONTEXT) })
        .where('id', '=', 1)
        .where('audit_key', '=', state.audit_key)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },
  };
}

/** @throws Error when no key opens it. */
export function openAuditKey(seal: Pick<Seal, 'open'>, sealed: string): Buffer {
  return Buffer.from(seal.open(sealed, AUDIT_KEY_CONTEXT), 'base64');
}

/** Rows up to this id are sealed or were never there. */
export async function deepFloor(db: Kysely<Schema>, now: Date): Promise<number> {
  const row = await db
    .selectFrom('audit_chain')
    .select('audit_id')
    .where('sealed_at', '<', now.getTime() - LATEST_MS)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row) return row.audit_id - LOOK_BACK_IDS;
  // All that was sealed so long ago may be gone already.
  const first = await db.selectFrom('audit_chain').select('audit_id').orderBy('seq').limit(1).executeTakeFirst();
  const { n } = await db
    .selectFrom('audit_seal')
    .select((eb) => eb.fn.max('anchor_seq').as('n'))
    .executeTakeFirstOrThrow();
  return Number(n ?? 0) === 0 || !first ? 0 : first.audit_id - LOOK_BACK_IDS;
}

/** An entry of the chain with the audit row that it is about, if that is still there. */
export interface Link {
  readonly seq: number;
  readonly auditId: number;
  readonly sealedAt: number;
  readonly hash: string;
  readonly row: AuditContent | null;
}

/** The next entries, by number. */
export async function linksAfter(db: Kysely<Schema>, seq: number, limit: number): Promise<Link[]> {
  const rows = await db
    .selectFrom('audit_chain')
    .leftJoin('audit', 'audit.id', 'audit_chain.audit_id')
    .select(['audit_chain.seq', 'audit_chain.audit_id', 'audit_chain.sealed_at', 'audit_chain.hash'])
    .select(['audit.id', 'audit.at', 'audit.actor', 'audit.action', 'audit.subject', 'audit.details'])
    .select(['audit.address', 'audit.session_id', 'audit.api_token'])
    .where('audit_chain.seq', '>', seq)
    .orderBy('audit_chain.seq')
    .limit(limit)
    .execute();
  return rows.map(({ seq, audit_id: auditId, sealed_at: sealedAt, hash, ...row }) => ({
    seq,
    auditId,
    sealedAt,
    hash,
    row: row.id === null ? null : (row as AuditContent),
  }));
}
