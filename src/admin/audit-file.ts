import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { openAuditKey } from '#core/store/audit-chain.ts';
import { type AuditContent, CHAIN_START, type ChainPoint, macOf, sameHash } from '#core/store/audit-hash.ts';
import { type AuditVerdict, chainOf, createChainCheck, sealOf } from '#core/store/audit-verify.ts';
import type { Database } from '#core/store/dialect.ts';
import type { Seal } from '#core/store/seal.ts';
import { atOneMoment } from '#core/store/snapshot.ts';
import { Problem } from './problem.ts';

// An export is lines of JSON:
//   {"berth_audit":1,"exported_at":"2026-...","key":"v1....","anchor":{"seq":0,"hash":"...","mac":"..."}}
//   {"seq":1,"sealed_at":"2026-...","hash":"...","id":1,"at":"2026-...","actor":"admin",...,"details":{...}}
//   {"end":{"rows":1,"head":{"seq":1,"hash":"...","mac":"..."}}}
// The key is sealed with BERTH_SECRET_KEY. `details_text` stands in the place of details that are not as Berth writes them.

const FORMAT = 1;

type Marked = ChainPoint & { readonly mac: string };

/** The lines of an export of all that is sealed; `counted` is called with how many rows there were. */
export async function exportLines(
  database: Database,
  write: (lines: AsyncIterable<string>) => Promise<void>,
  now: Date,
): Promise<number> {
  let rows = 0;
  await atOneMoment(database, async (db) => {
    const state = await sealOf(db);
    if (!state) throw new Problem('nothing of the audit log is sealed yet; a scheduler does it within a second');
    const lines = async function* (): AsyncGenerator<string> {
      const anchor = { seq: state.anchor_seq, hash: state.anchor_hash, mac: state.anchor_mac };
      yield line({ berth_audit: FORMAT, exported_at: now.toISOString(), key: state.audit_key, anchor });
      for await (const links of chainOf(db, state)) {
        rows += links.length;
        yield links
          .map(({ seq, sealedAt, hash, auditId, row }) =>
            line({ seq, sealed_at: iso(sealedAt), hash, id: auditId, ...(row ? shown(row) : { removed: true }) }),
          )
          .join('');
      }
      const head = { seq: state.head_seq, hash: state.head_hash, mac: state.head_mac };
      yield line({ end: { rows, head } });
    };
    await write(lines());
  });
  return rows;
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function shown({ id: _, at, details, session_id: session, ...row }: AuditContent) {
  return { at: iso(at), ...row, session, ...shownDetails(details) };
}

function shownDetails(text: string): { details: unknown } | { details_text: string } {
  try {
    const details: unknown = JSON.parse(text);
    if (JSON.stringify(details) === text) return { details };
  } catch {
    // Shown as it is.
  }
  return { details_text: text };
}

/** Checks an export by itself. @throws Problem for a file that is none. */
export async function verifyFile(file: string, seal: Seal, noted: ChainPoint | null): Promise<AuditVerdict> {
  let check: ReturnType<typeof createChainCheck> | undefined;
  let verdict: Omit<AuditVerdict, 'waiting'> | undefined;
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
  try {
    for await (const text of lines) {
      const content = parsed(text);
      if (verdict) throw new Problem(`${file}: something follows its end`);
      if (!check) {
        if (content['berth_audit'] !== FORMAT) throw new Problem(`${file}: this is no export of the audit log`);
        const key = openAuditKey(seal, String(content['key']));
        const anchor = marked(content['anchor']);
        check = createChainCheck(key, anchor, noted);
        if (!sameHash(macOf(key, 'anchor', anchor), anchor.mac)) check.tell('chain', 'the anchor was altered');
      } else if ('end' in content) {
        verdict = check.finish(marked((content['end'] as { head?: unknown } | null)?.head));
      } else check.add(linkOf(content));
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Problem(`there is no file ${file}`);
    if (code === 'EACCES' || code === 'EISDIR') throw new Problem(`${file} cannot be read (${code})`);
    throw error;
  }
  if (!check) throw new Problem(`${file}: this is no export of the audit log`);
  if (!verdict) {
    check.tell('removed', 'the file is cut off: it has no end');
    const head = { ...CHAIN_START, mac: '' };
    verdict = check.finish(head);
  }
  return { ...verdict, waiting: 0 };
}

function parsed(text: string): Record<string, unknown> {
  try {
    const content: unknown = JSON.parse(text);
    if (typeof content === 'object' && content !== null) return content as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new Problem('a line of the file is no JSON object: it is damaged, or no export of the audit log');
}

function marked(value: unknown): Marked {
  const { seq, hash, mac } = (value ?? {}) as Record<string, unknown>;
  return { seq: Number(seq), hash: String(hash), mac: String(mac) };
}

function linkOf(content: Record<string, unknown>) {
  const { seq, sealed_at, hash, id, removed, at, session, details, details_text } = content;
  const text = (name: string): string => String(content[name]);
  const orNull = (value: unknown): string | null => (value === null || value === undefined ? null : String(value));
  return {
    seq: Number(seq),
    auditId: Number(id),
    sealedAt: Date.parse(String(sealed_at)),
    hash: String(hash),
    row:
      removed === true
        ? null
        : {
            id: Number(id),
            at: Date.parse(String(at)),
            actor: text('actor'),
            action: text('action'),
            subject: text('subject'),
            details: details_text === undefined ? (JSON.stringify(details) ?? '') : String(details_text),
            address: orNull(content['address']),
            session_id: orNull(session),
            api_token: orNull(content['api_token']),
          },
  };
}
