// `npm start`: builds the web page when it is missing or its source has changed, then runs the standalone server.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, readFileSync, writeFileSync } from 'node:fs';

const STAMP = 'src/web/dist/.built-from';
const SOURCES = ['src/web/**/*.*', 'src/contract/*.ts', 'package-lock.json'];

const source = sourceHash();
if (stamp() !== source) {
  console.error('Building the web page (only when it has changed) ...');
  const options = ['build', 'src/web', '--logLevel', 'error'];
  const { status } = spawnSync(process.execPath, ['node_modules/vite/bin/vite.js', ...options], { stdio: 'inherit' });
  // Berth lends machines without its page too.
  if (status === 0) writeFileSync(STAMP, source);
  else console.error('The web page could not be built; the API works without it.');
}
await import('../src/standalone.ts');

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
