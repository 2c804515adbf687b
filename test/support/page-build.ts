import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withFileLock } from './file-lock.ts';

const FOLDER = 'BERTH_TEST_PAGE';

/** A folder for the page of this run, gone at its end. The first that needs the page builds it there. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'berth-page-'));
  process.env[FOLDER] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}

/** Where the page is, built as users get it. */
export async function builtPage(): Promise<string> {
  const folder = process.env[FOLDER];
  if (folder === undefined) throw new Error('no run has begun: call what this file exports by default first');
  await withFileLock(join(folder, 'lock'), async () => {
    if (!existsSync(join(folder, 'dist'))) await build(join(folder, 'dist'));
  });
  return join(folder, 'dist');
}

/** In a process of its own: the test runner's NODE_ENV would make it another page. */
async function build(folder: string): Promise<void> {
  const { NODE_ENV: _, ...env } = process.env;
  const options = ['build', 'src/web', '--outDir', folder, '--emptyOutDir', '--logLevel', 'error'];
  await promisify(execFile)(process.execPath, ['node_modules/vite/bin/vite.js', ...options], { env });
}
