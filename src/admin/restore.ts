import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Config } from '#core/runtime/config.ts';
import { findSecrets } from '#core/runtime/secrets.ts';
import { AUDIT_KEY_CONTEXT } from '#core/store/audit-chain.ts';
import { lastBeat } from '#core/store/inspect.ts';
import { type Content, checkRestorable, restoreContent } from '#core/store/restore.ts';
import { createSeal, keyIdOf } from '#core/store/seal.ts';
import type { TableShape } from '#core/store/snapshot.ts';
import { refuseWhileAtWork } from './at-work.ts';
import { type BackupHeader, type BackupRow, isHeader, type RowCounts, readBackup } from './backup-file.ts';
import { Problem } from './problem.ts';
import { ask } from './prompt.ts';

export interface RestoreRequest {
  /** File name, or `-` for standard input. */
  readonly source: string;
  /** Whether users and machines that are in the database may be given up. */
  readonly replace: boolean;
  /** Whether that needs no more asking. */
  readonly yes: boolean;
}

/** One text of each key that something in the backup is sealed with, and what it was sealed for. */
type Samples = Map<string, { context: string; sealed: string }>;

/** Puts a backup into the database. All of it is read and checked before anything is changed. */
export async function restore(config: Config, { source, replace, yes }: RestoreRequest): Promise<void> {
  await withFile(source, async (file) => {
    const { header, tables, counts, samples } = await inspect(file);
    const content: Content = { schema: header.schema, tables, rows: () => rowsOf(file) };
    await checkRestorable(config.database, content, replace);
    warnAboutKeys(config, samples);
    await refuseWhileAtWork(() => lastBeat(config.database));
    if (replace && !yes) await confirm(config, header);
    await restoreContent(config.database, content, { replace, now: new Date(), madeAt: header.createdAt });
    const rows = Object.entries(counts).map(([table, n]) => `${n} ${table}`);
    console.log(`restored the backup of ${header.createdAt.toISOString()}: ${rows.join(', ')}`);
    console.log('Reservations that have ended meanwhile are ended as soon as Berth runs.');
  });
}

async function inspect(
  file: string,
): Promise<{ header: BackupHeader; tables: TableShape[]; counts: RowCounts; samples: Samples }> {
  let header: BackupHeader | undefined;
  const tables = new Map<string, TableShape>();
  const counts: RowCounts = {};
  const samples: Samples = new Map();
  for await (const part of readBackup(file)) {
    if (isHeader(part)) {
      header = part;
      continue;
    }
    const { table, values } = part;
    tables.set(table.name, table);
    counts[table.name] = (counts[table.name] ?? 0) + 1;
    const value = (column: string): string => String(values[table.columns.indexOf(column)]);
    const sample =
      table.name === 'machines'
        ? { context: value('id'), sealed: value('credential') }
        : table.name === 'audit_seal'
          ? { context: AUDIT_KEY_CONTEXT, sealed: value('audit_key') }
          : null;
    if (sample && !samples.has(keyIdOf(sample.sealed))) samples.set(keyIdOf(sample.sealed), sample);
  }
  // A backup that was read to its end has one.
  return { header: header as BackupHeader, tables: [...tables.values()], counts, samples };
}

async function* rowsOf(file: string): AsyncGenerator<BackupRow> {
  for await (const part of readBackup(file)) if (!isHeader(part)) yield part;
}

function warnAboutKeys(config: Config, samples: Samples): void {
  const { secretKey, oldSecretKeys } = findSecrets(config);
  const keys = [...(oldSecretKeys ?? []), ...(secretKey ? [secretKey] : [])];
  // Without any key it opens nothing, as it should.
  const seal = createSeal(keys.at(-1) ?? randomBytes(32), keys);
  for (const [keyId, { context, sealed }] of samples) {
    try {
      seal.open(sealed, context);
    } catch {
      console.error(
        `warning: no key here opens the machines' credentials or the audit key that were sealed with the key ${keyId || '(unknown)'}. ` +
          'Move the key from the old server before you start Berth: set BERTH_SECRET_KEY to what it was there, ' +
          `or copy the file secret-key of its data directory to ${config.dataDir} (mode 0600). ` +
          'Where it is an older key than the one in use, set it in BERTH_SECRET_KEYS_OLD.',
      );
    }
  }
}

async function confirm(config: Config, header: BackupHeader): Promise<void> {
  const name = config.database.dialect === 'sqlite' ? config.database.file : config.database.database;
  if (!process.stdin.isTTY) {
    throw new Problem('--replace gives up all that is in the database; say --yes as well where nobody can be asked', 2);
  }
  const answer = await ask(
    `All that is in the database ${name} is replaced by the backup of ${header.createdAt.toISOString()}.\n` +
      'Type "replace" to go on: ',
  );
  if (answer !== 'replace') throw new Problem('nothing was changed');
}

/** What comes on standard input is kept in a file until it has been read twice. */
async function withFile(source: string, work: (file: string) => Promise<void>): Promise<void> {
  if (source !== '-') return await work(source);
  const folder = await mkdtemp(join(tmpdir(), 'berth-restore-'));
  try {
    const file = join(folder, 'backup');
    await pipeline(process.stdin, createWriteStream(file, { mode: 0o600 }));
    await work(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
