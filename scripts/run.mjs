// Runs a TypeScript file of this project: installs what it needs first, and a new enough Node if this one is too old.
// Plain JavaScript, because it is the one file that an older Node has to read.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const LEAST = [24, 15];
const STAMP = 'node_modules/.berth-lock';
const MUTEX = '.runtime/installing';
const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);

let child;
let endedBy;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    endedBy = signal;
    if (!child) exitBy(signal);
    // Ctrl-C reaches the child from the terminal already, and a second one would end it without stopping in order.
    else if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}

const node = ownNode();
const lock = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
if (!dependenciesInstalled() || !existsSync(node)) await oneAtATime(installWhatIsMissing);

const [entry, ...args] = process.argv.slice(2);
const { code } = await run(node, ['--disable-warning=ExperimentalWarning', entry, ...args], 'inherit');
process.exit(code);

/** This Node if it is new enough, else the one that is, or will be, in .runtime. */
function ownNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1])) return process.execPath;
  return join(root, '.runtime', 'node_modules', nodePackage(), 'bin', 'node');
}

function nodePackage() {
  return `node-${process.platform}-${process.arch}`;
}

function dependenciesInstalled() {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lock;
}

/** Looks again at what is missing: another process may have just installed it. */
async function installWhatIsMissing() {
  if (!dependenciesInstalled()) {
    console.error('Installing dependencies (only this once) ...');
    // The lock may lack the binaries of a platform that it was not made on: `ci` refuses then, and an install adds them.
    const strict = await npm('ci', '--include=dev');
    if (strict.code !== 0) {
      const lenient = await npm('install', '--no-save', '--include=dev');
      if (lenient.code !== 0) giveUp('The dependencies could not be installed', lenient.errors);
    }
    writeFileSync(STAMP, lock);
  }
  if (!existsSync(node)) {
    console.error(`Node ${process.version} is too old; getting Node ${LEAST[0]} for this folder (only this once) ...`);
    const fresh = `.runtime/fresh-${process.pid}`;
    process.once('exit', () => rmSync(fresh, { recursive: true, force: true }));
    mkdirSync(fresh);
    const wanted = `${nodePackage()}@^${LEAST.join('.')}.0`;
    const { code, errors } = await npm('install', '--no-save', '--no-package-lock', '--prefix', fresh, wanted);
    if (code !== 0) giveUp(`Node ${LEAST.join('.')} or newer is needed, and npm could not get it`, errors);
    // A half-finished download is never used: the folder gets its name when all is there.
    rmSync('.runtime/node_modules', { recursive: true, force: true });
    renameSync(`${fresh}/node_modules`, '.runtime/node_modules');
  }
}

/** Does the work while no other start in this folder does. The lock of a process that has died is passed over. */
async function oneAtATime(work) {
  mkdirSync('.runtime', { recursive: true });
  for (let told = false; !tryLock(); told = true) {
    if (!told) console.error(`Another start in this folder is installing (${MUTEX}); waiting for it ...`);
    await pause(200);
  }
  process.once('exit', () => rmSync(MUTEX, { force: true }));
  await work();
  rmSync(MUTEX, { force: true });
}

function tryLock() {
  try {
    writeFileSync(MUTEX, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (holderDied()) rmSync(MUTEX, { force: true });
    return false;
  }
}

function holderDied() {
  try {
    const holder = Number.parseInt(readFileSync(MUTEX, 'utf8'), 10);
    // Empty for the moment between making and filling it.
    if (holder) process.kill(holder, 0);
    return holder === process.pid;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

async function npm(...words) {
  const result = await run(
    'npm',
    [...words, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    ['ignore', 'ignore', 'pipe'],
  );
  if (endedBy) exitBy(endedBy);
  return result;
}

/** Runs a program to its end. Signals that reach this process go on to it. */
function run(program, words, stdio) {
  return new Promise((resolve) => {
    let errors = '';
    const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` };
    child = spawn(program, words, { stdio, env });
    child.stderr?.on('data', (chunk) => {
      errors += chunk;
    });
    child.once('error', (error) => resolve({ code: 1, errors: error.message }));
    child.once('close', (code, signal) => {
      child = undefined;
      if (signal) exitBy(signal);
      resolve({ code, errors });
    });
  });
}

function exitBy(signal) {
  process.exit(128 + constants.signals[signal]);
}

function giveUp(what, errors) {
  console.error(`${errors}\n${what}.`);
  process.exit(1);
}
