import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { endProcesses } from './processes.ts';

const NAME = /^berth-ansible-(\d+)-(\d+)-[A-Za-z0-9]+$/;

/** A new folder for the secrets of one run, for nobody else to read (mode 0700). It bears the number of this process. */
export function makeScratchFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), `berth-ansible-${process.pid}-${startOf(process.pid) ?? 0}-`));
}

/** Ends and removes what runs left whose process died without a chance to: their own processes, then their folders. */
export async function sweepScratchFolders(): Promise<void> {
  await endProcesses((folder) => isAbandoned(basename(folder)));
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    if (!isAbandoned(name)) continue;
    const folder = join(tmpdir(), name);
    const found = await stat(folder).catch(() => null);
    if (found?.uid === process.getuid?.()) await rm(folder, { recursive: true, force: true });
  }
}

/** Is this the name of a folder whose process is gone? */
function isAbandoned(name: string): boolean {
  const [, pid, start] = NAME.exec(name) ?? [];
  return pid !== undefined && startOf(Number(pid)) !== Number(start);
}

/**
 * When the process started, in the kernel's ticks: with it a number that was given anew is not mistaken for the process that
 * had it before. Null when there is no such process; 0 where there is no /proc.
 */
function startOf(pid: number): number | null {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    // No /proc (macOS), or no such process.
  }
  try {
    process.kill(pid, 0);
    return process.platform === 'linux' ? null : 0;
  } catch {
    return null;
  }
}
