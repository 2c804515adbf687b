import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, readFileSync, writeFileSync } from 'node:fs';

const STAMP = 'src/web/dist/.built-from';
const SOURCES = ['src/web/**/*.*', 'src/contract/*.ts', 'package-lock.json'];

/** Builds the web page into src/web/dist when it is missing or its source has changed. False when that failed. */
export function buildPageIfChanged(): boolean {
  const source = sourceHash();
  if (stamp() === source) return true;
  console.error('Building the web page (only when it has changed) ...');
  // A test runner's NODE_ENV would make it another page.
  const { NODE_ENV: _, ...env } = process.env;
  const options = ['build', 'src/web', '--logLevel', 'error'];
  const { status } = spawnSync(process.execPath, ['node_modules/vite/bin/vite.js', ...options], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env,
  });
  if (status === 0) writeFileSync(STAMP, source);
  return status === 0;
}

function sourceHash(): string {
  const hash = createHash('sha256');
  for (const file of globSync(SOURCES).sort()) {
    if (!file.startsWith('src/web/dist')) hash.update(file).update(readFileSync(file));
  }
  return hash.digest('hex');
}

function stamp(): string | null {
  try {
    return readFileSync(STAMP, 'utf8');
  } catch {
    return null;
  }
}
