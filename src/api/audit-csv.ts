import { Readable } from 'node:stream';
import type { AuditEntry } from '#core/pool/pool.ts';

const AT_ONCE = 1_000;

/**
 * The entries as comma-separated values, newest first, read from the log piece by piece as the reader takes them.
 * `list` answers at most that many entries from before an id.
 */
export function auditCsv(
  list: (before: number | undefined, limit: number) => Promise<AuditEntry[]>,
  before: number | undefined,
  limit: number,
): Readable {
  return Readable.from(rows(list, before, limit), { objectMode: false });
}

async function* rows(
  list: (before: number | undefined, limit: number) => Promise<AuditEntry[]>,
  before: number | undefined,
  limit: number,
): AsyncGenerator<string> {
  yield line(['id', 'at', 'actor', 'action', 'subject', 'details', 'address', 'session', 'api_token']);
  let last = before;
  for (let left = limit; left > 0; ) {
    const wanted = Math.min(left, AT_ONCE);
    const entries = await list(last, wanted);
    if (entries.length > 0) yield entries.map(row).join('');
    if (entries.length < wanted) return;
    left -= entries.length;
    last = entries.at(-1)?.id;
  }
}

function row({ id, at, actor, action, subject, details, origin }: AuditEntry): string {
  return line([
    ...[String(id), at.toISOString(), actor, action, subject, JSON.stringify(details)],
    ...[origin?.address ?? '', origin?.sessionId ?? '', origin?.apiToken ?? ''],
  ]);
}

function line(cells: readonly string[]): string {
  return `${cells.map(cell).join(',')}\r\n`;
}

/** A spreadsheet takes what begins so for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

function cell(text: string): string {
  return `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}
