// Runs a TypeScript file of this project: installs what it needs first, and a new enough Node if this one is too old.
// Plain JavaScript, because it is the one file that an older Node has to read.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LEAST = [24, 15];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);

installDependencies();
const node = newEnoughNode();
const [entry, ...args] = process.argv.slice(2);
const child = spawn(node, ['--disable-warning=ExperimentalWarning', entry, ...args], {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : code));

function installDependencies() {
  const stamp = 'node_modules/.berth-lock';
  const lock = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.error('Installing dependencies (only this once) ...');
  // The lock may lack the binaries of a platform that it was not made on; an install adds them.
  if (!npm('ci') && !npm('install')) process.exit(1);
  writeFileSync(stamp, lock);
}

function newEnoughNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1])) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const binary = join(root, '.runtime', 'node_modules', name, 'bin', 'node');
  if (existsSync(binary)) return binary;
  console.error(`Node ${process.version} is too old; getting Node ${LEAST[0]} for this folder (only this once) ...`);
  const fresh = `.runtime-${process.pid}`;
  mkdirSync(fresh);
  // A half-finished download is never used: the folder gets its name when all is there.
  const done = npm('install', '--no-save', '--no-package-lock', '--prefix', fresh, `${name}@24`);
  if (done && !existsSync(binary)) {
    rmSync('.runtime', { recursive: true, force: true });
    renameSync(fresh, '.runtime');
  }
  rmSync(fresh, { recursive: true, force: true });
  if (!existsSync(binary)) {
    console.error(`Node ${LEAST.join('.')} or newer is needed, and could not be installed by npm.`);
    process.exit(1);
  }
  return binary;
}

function npm(...words) {
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  return spawnSync('npm', [...words, ...options], { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}
