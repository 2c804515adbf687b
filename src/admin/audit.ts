import { randomBytes } from 'node:crypto';
import type { Config } from '#core/runtime/config.ts';
import { findSecrets } from '#core/runtime/secrets.ts';
import type { ChainPoint } from '#core/store/audit-hash.ts';
import { type AuditVerdict, sealOf, verifyAudit } from '#core/store/audit-verify.ts';
import { withDatabase } from '#core/store/handle.ts';
import { createSeal, type Seal } from '#core/store/seal.ts';
import { exportLines, verifyFile } from './audit-file.ts';
import { toFile, toStandardOutput } from './output.ts';
import { Problem } from './problem.ts';

const PROGRESS_EVERY_MS = 2_000;

export interface AuditVerification {
  /** An export; without one the database is checked. */
  readonly file?: string;
  /** `SEQ:HASH` as `audit head` printed it. */
  readonly head?: string;
}

/** Checks the audit log and prints what is wrong; false when anything is. Changes nothing. */
export async function auditVerify(config: Config, { file, head }: AuditVerification): Promise<boolean> {
  const noted = head === undefined ? null : pointOf(head);
  const seal = sealOfKeys(config);
  const verdict =
    file === undefined
      ? await verifyAudit(config.database, seal, { noted, now: new Date(), onProgress: progress() })
      : await verifyFile(file, seal, noted);
  report(verdict);
  return verdict.problems.length === 0;
}

/** Prints the end of the chain, to be noted where nobody who can write to the database can change it. */
export async function auditHead(config: Config): Promise<void> {
  const state = await withDatabase(config.database, sealOf);
  if (!state) throw new Problem('nothing of the audit log is sealed yet; a scheduler does it within a second');
  console.log(`${state.head_seq}:${state.head_hash}`);
}

/** Writes all that is sealed to a file, or to standard output for `-`. */
export async function auditExport(config: Config, target: string): Promise<void> {
  if (target === '-' && process.stdout.isTTY) {
    throw new Problem('standard output is a terminal; send it to a file or a program', 2);
  }
  const write = (sink: (bytes: AsyncIterable<Buffer>) => Promise<void>) =>
    exportLines(config.database, (lines) => sink(bytesOf(lines)), new Date());
  let rows = 0;
  if (target === '-') rows = await write(toStandardOutput);
  else {
    await toFile(target, async (sink) => {
      rows = await write(sink);
    });
  }
  process.stderr.write(`exported ${rows} audit rows\n`);
}

async function* bytesOf(lines: AsyncIterable<string>): AsyncGenerator<Buffer> {
  for await (const text of lines) yield Buffer.from(text);
}

function report({ problems, more, checked, waiting, anchor, head }: AuditVerdict): void {
  for (const { kind, message } of problems) console.log(`${kind.padEnd(9)} ${message}`);
  if (more > 0) console.log(`... and ${more} more`);
  console.log(`${checked} entries were checked, from ${anchor.seq + 1} on; the chain ends with ${head.seq}`);
  if (anchor.seq > 0) console.log(`${anchor.seq} older ones were deleted by the retention`);
  if (waiting > 0) console.log(`${waiting} rows of the last minute are still to be sealed`);
  console.log(
    problems.length === 0 ? `The audit log is whole. Head: ${head.seq}:${head.hash}` : 'The audit log is NOT whole.',
  );
}

function progress(): (checked: number, total: number) => void {
  let last = Date.now();
  return (checked, total) => {
    if (Date.now() - last < PROGRESS_EVERY_MS) return;
    last = Date.now();
    process.stderr.write(`${checked} of ${total}\n`);
  };
}

function sealOfKeys(config: Config): Seal {
  const { secretKey, oldSecretKeys } = findSecrets(config);
  // Without any key it opens nothing, as it should.
  return createSeal(secretKey ?? randomBytes(32), oldSecretKeys ?? []);
}

function pointOf(text: string): ChainPoint {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined) {
    throw new Problem(`--head ${text}: write it as "audit head" prints it, NUMBER:HASH`, 2);
  }
  return { seq: Number(seq), hash };
}
