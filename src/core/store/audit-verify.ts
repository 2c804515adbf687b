import type { Kysely } from 'kysely';
import { deepFloor, type Link, linksAfter, openAuditKey } from './audit-chain.ts';
import { CHAIN_START, type ChainPoint, hashOf, macOf, sameHash } from './audit-hash.ts';
import type { Database } from './dialect.ts';
import type { AuditSealRow, Schema } from './schema.ts';
import type { Seal } from './seal.ts';
import { atOneMoment } from './snapshot.ts';

/** What is wrong with the audit log, in words. */
export interface AuditProblem {
  readonly kind: 'altered' | 'removed' | 'reordered' | 'inserted' | 'unsealed' | 'chain';
  readonly message: string;
}

export interface AuditVerdict {
  readonly problems: readonly AuditProblem[];
  /** Problems beyond those that are listed. */
  readonly more: number;
  /** Entries of the chain that were looked at. */
  readonly checked: number;
  /** Rows that are too new to be sealed. */
  readonly waiting: number;
  readonly anchor: ChainPoint;
  readonly head: ChainPoint;
}

const BATCH = 1_000;
const IDS = 5_000;
const MOST_PROBLEMS = 100;
/** A scheduler seals within a second. */
const UNSEALED_LIMIT_MS = 60_000;

/** Goes along a chain entry by entry, keeping only what does not fit. */
export function createChainCheck(key: Buffer, anchor: ChainPoint, noted: ChainPoint | null) {
  const problems: AuditProblem[] = [];
  const misfits: { link: Link; previous: string }[] = [];
  let more = 0;
  let checked = 0;
  let point = anchor;
  let seenNoted = noted !== null && noted.seq === anchor.seq && sameHash(noted.hash, anchor.hash);

  const tell = (kind: AuditProblem['kind'], message: string): void => {
    if (problems.length < MOST_PROBLEMS) problems.push({ kind, message });
    else more += 1;
  };

  /** Rows that were put in one another's place fit there again. */
  const sortOut = (): void => {
    const placed = new Set<Link>();
    for (const { link, previous } of misfits) {
      const fits = misfits.find(
        ({ link: other }) =>
          other !== link &&
          [other.row, other.row && { ...other.row, id: link.auditId }].some(
            (row) => row && sameHash(hashOf(key, previous, link.seq, link.sealedAt, row), link.hash),
          ),
      );
      if (!fits) continue;
      if (!placed.has(link) && !placed.has(fits.link)) {
        tell('reordered', `audit rows ${link.auditId} and ${fits.link.auditId} were put in each other's place`);
      }
      placed.add(link).add(fits.link);
    }
    for (const { link } of misfits) {
      if (!placed.has(link)) tell('altered', `audit row ${link.auditId} (entry ${link.seq}) was altered`);
    }
  };

  return {
    tell,
    add(link: Link): void {
      checked += 1;
      const { seq, auditId, hash, row } = link;
      const gap = seq !== point.seq + 1;
      if (gap) {
        tell(
          'removed',
          `entries ${point.seq + 1} to ${seq - 1} of the chain were removed, so ${seq} cannot be checked`,
        );
      }
      if (!row) {
        tell('removed', `audit row ${auditId} (entry ${seq}) was removed`);
      } else if (!gap && !sameHash(hashOf(key, point.hash, seq, link.sealedAt, row), hash)) {
        if (misfits.length < MOST_PROBLEMS) misfits.push({ link, previous: point.hash });
        else more += 1;
      }
      if (noted?.seq === seq) seenNoted = sameHash(noted.hash, hash);
      point = { seq, hash };
    },
    /** `head` is what stands beside the chain as its end. */
    finish(head: ChainPoint & { readonly mac: string }): Omit<AuditVerdict, 'waiting'> {
      sortOut();
      if (!sameHash(macOf(key, 'head', head), head.mac)) tell('chain', 'the head of the chain was altered');
      if (point.seq < head.seq) {
        tell('removed', `the last ${head.seq - point.seq} entries of the chain were removed`);
      } else if (point.seq !== head.seq || !sameHash(point.hash, head.hash)) {
        tell('chain', `the chain ends with entry ${point.seq}, and not as its head says (${head.seq})`);
      }
      if (noted && !seenNoted) {
        if (noted.seq > point.seq) {
          tell('removed', `the noted head is entry ${noted.seq}, and the chain ends with ${point.seq}`);
        } else if (noted.seq <= anchor.seq) {
          tell('chain', `the noted head (entry ${noted.seq}) is older than what is kept; note a newer one`);
        } else tell('altered', `entry ${noted.seq} is not the noted one: the chain was made anew`);
      }
      return { problems, more, checked, anchor, head: { seq: head.seq, hash: head.hash } };
    },
  };
}

export interface VerifyOptions {
  /** A head that was noted elsewhere. */
  readonly noted: ChainPoint | null;
  readonly now: Date;
  readonly onProgress?: (checked: number, total: number) => void;
}

/**
 * Checks the whole audit log as it is at one moment, piece by piece. @throws Error when no key opens the audit key.
 */
export async function verifyAudit(
  database: Database,
  seal: Seal,
  { noted, now, onProgress }: VerifyOptions,
): Promise<AuditVerdict> {
  return await atOneMoment(database, async (db) => {
    const state = await sealOf(db);
    if (!state) return await withoutSeal(db, noted, now);
    const key = openAuditKey(seal, state.audit_key);
    const anchor = { seq: state.anchor_seq, hash: state.anchor_hash };
    const check = createChainCheck(key, anchor, noted);
    if (!sameHash(macOf(key, 'anchor', anchor), state.anchor_mac)) {
      check.tell('chain', 'the anchor of the chain was altered: rows may have been deleted from its start');
    }
    for await (const links of chainOf(db, state)) {
      links.forEach(check.add);
      onProgress?.((links.at(-1) as Link).seq - anchor.seq, state.head_seq - anchor.seq);
    }
    const waiting = await checkUnsealed(db, check.tell, now);
    const head = { seq: state.head_seq, hash: state.head_hash, mac: state.head_mac };
    return { ...check.finish(head), waiting };
  });
}

/** The key, head and anchor of the chain, if it was begun. */
export async function sealOf(db: Kysely<Schema>): Promise<AuditSealRow | undefined> {
  return await db.selectFrom('audit_seal').selectAll().where('id', '=', 1).executeTakeFirst();
}

/** All entries behind the anchor, in pieces. */
export async function* chainOf(db: Kysely<Schema>, { anchor_seq }: AuditSealRow): AsyncGenerator<Link[]> {
  for (let seq = anchor_seq; ; ) {
    const links = await linksAfter(db, seq, BATCH);
    const last = links.at(-1);
    if (!last) return;
    yield links;
    seq = last.seq;
  }
}

async function withoutSeal(db: Kysely<Schema>, noted: ChainPoint | null, now: Date): Promise<AuditVerdict> {
  const problems: AuditProblem[] = [];
  const waiting = await checkUnsealed(db, (kind, message) => problems.push({ kind, message }), now);
  const { n } = await db.selectFrom('audit_chain').select(db.fn.countAll().as('n')).executeTakeFirstOrThrow();
  if (Number(n) > 0) problems.push({ kind: 'chain', message: 'the key and the head of the chain were removed' });
  if (noted) problems.push({ kind: 'removed', message: `there is no chain, and the noted head is entry ${noted.seq}` });
  return { problems, more: 0, checked: 0, waiting, anchor: CHAIN_START, head: CHAIN_START };
}

/** Tells of rows that are not in the chain and should be; answers how many are too new for it. */
async function checkUnsealed(
  db: Kysely<Schema>,
  tell: (kind: AuditProblem['kind'], message: string) => void,
  now: Date,
): Promise<number> {
  const floor = await deepFloor(db, now);
  let waiting = 0;
  let late = 0;
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const rows = await db
      .selectFrom('audit')
      .select(['id', 'at'])
      .where('id', '>', after)
      .orderBy('id')
      .limit(IDS)
      .execute();
    const [first, last] = [rows[0], rows.at(-1)];
    if (!first || !last) break;
    after = last.id;
    const chained = await db
      .selectFrom('audit_chain')
      .select('audit_id')
      .where('audit_id', '>=', first.id)
      .where('audit_id', '<=', last.id)
      .execute();
    const sealed = new Set(chained.map((row) => row.audit_id));
    for (const { id, at } of rows) {
      if (sealed.has(id)) continue;
      if (id <= floor) tell('inserted', `audit row ${id} was put in after the rows around it were sealed`);
      else if (now.getTime() - at > UNSEALED_LIMIT_MS) late += 1;
      else waiting += 1;
    }
  }
  if (late > 0) {
    tell('unsealed', `${late} rows have waited for more than a minute to be sealed; is a scheduler at work?`);
  }
  return waiting;
}
