#!/usr/bin/env node
// Starts `berth`. Plain JavaScript, because an older Node has to read it too.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LEAST = [24, 15];
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const [major, minor] = process.versions.node.split('.').map(Number);
const newEnough = major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1]);
const runtime = join(root, '.runtime/node_modules', `node-${process.platform}-${process.arch}`, 'bin/node');

if (!existsSync(join(root, 'node_modules/commander')) || !(newEnough || existsSync(runtime))) {
  const installed = spawnSync(process.execPath, [join(root, 'scripts/run.mjs'), '--version'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (installed.status !== 0) process.exit(1);
}
if (newEnough) {
  const { enableCompileCache } = await import('node:module');
  enableCompileCache();
  await import('./main.ts');
} else {
  const child = spawn(runtime, ['--disable-warning=ExperimentalWarning', ...process.argv.slice(1)], {
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // Ctrl-C reaches the child from the terminal already.
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)));
  }
  child.once('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
}
