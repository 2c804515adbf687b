import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Problem } from './problem.ts';

/**
 * Lets `write` fill a file (mode 0600), which gets its name when all of it is on the disk; until then, and if it fails, an
 * older file of that name stays as it is.
 */
export async function toFile(target: string, write: (sink: Sink) => Promise<void>): Promise<void> {
  const file = await realpath(target).catch(() => target);
  const there = await stat(file).catch(() => null);
  if (there && !there.isFile()) throw new Problem(`${target} is no file; name a file, or - for standard output`, 2);
  const folder = dirname(file);
  const draft = join(folder, `.${basename(file)}.${process.pid}-${randomBytes(4).toString('hex')}.part`);
  const giveUp = (signal: NodeJS.Signals): void => {
    void rm(draft, { force: true }).then(() => process.kill(process.pid, signal));
  };
  for (const signal of SIGNALS) process.once(signal, giveUp);
  try {
    await write(async (bytes) => {
      // `flush`: on the disk before it counts as written.
      await pipeline(bytes, createWriteStream(draft, { flags: 'wx', mode: 0o600, flush: true }));
    });
    await rename(draft, file);
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    await rm(draft, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new Problem(`${folder}: the disk is full; nothing was left there`);
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new Problem(`${folder}: there is no such folder`);
    if (code === 'EACCES' || code === 'EROFS') throw new Problem(`${folder}: it cannot be written to (${code})`);
    throw error;
  } finally {
    for (const signal of SIGNALS) process.off(signal, giveUp);
  }
}

type Sink = (bytes: AsyncIterable<Buffer>) => Promise<void>;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** @throws Problem when whoever reads it has gone. */
export async function toStandardOutput(bytes: AsyncIterable<Buffer>): Promise<void> {
  // Each write tells of its own failure.
  process.stdout.on('error', () => undefined);
  for await (const chunk of bytes) {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(chunk, (error) => (error ? reject(error) : resolve()));
    }).catch((error: NodeJS.ErrnoException) => {
      throw new Problem(`standard output does not take it (${error.code ?? error.message})`);
    });
  }
}
