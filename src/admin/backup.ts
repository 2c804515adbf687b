import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Config } from '#core/runtime/config.ts';
import { readSnapshot } from '#core/store/snapshot.ts';
import { backupBytes, type RowCounts } from './backup-file.ts';
import { toFile, toStandardOutput } from './output.ts';
import { Problem } from './problem.ts';

/**
 * Writes all that the database holds, as it is at one moment, to a file, or to standard output for `-`. The servers may go on.
 * The file gets its name when all of it is on the disk; until then, and if it fails, an older file of that name stays as it is.
 */
export async function backup(config: Config, target: string): Promise<void> {
  let counts: RowCounts = {};
  const write = (sink: (bytes: AsyncIterable<Buffer>) => Promise<void>) =>
    readSnapshot(config.database, async (snapshot) => {
      const header = { createdAt: new Date(), database: config.database.dialect };
      const bytes = backupBytes(snapshot, header, (rows) => {
        counts = rows;
      });
      await pipeline(bytes, createGzip(), sink);
    });
  if (target === '-') {
    if (process.stdout.isTTY) throw new Problem('standard output is a terminal; send it to a file or a program', 2);
    await write(toStandardOutput);
  } else {
    await toFile(target, write);
  }
  const rows = Object.entries(counts)
    .filter(([, n]) => n > 0)
    .map(([table, n]) => `${n} ${table}`);
  // Standard output may be the backup itself.
  process.stderr.write(`backed up ${rows.join(', ')}\n`);
}
