import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { withFileLock } from './file-lock.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What is made by working with the repository, and no part of it. */
const NOT_COPIED = new Set(['node_modules', '.git', '.runtime', 'data', 'dist', '.env', 'machines.yml']);
/** Programs that only the tests of the stack need, with Debian's packages of them. */
const PROGRAMS = {
  'docker-compose': 'docker-compose',
  'ansible-playbook': 'ansible-core',
  caddy: 'caddy',
  curl: 'curl',
  sshpass: 'sshpass',
};

/** What the stack's tests lack here, as names of Debian packages. */
export function missingForStack(): string[] {
  return Object.entries(PROGRAMS)
    .filter(([program]) => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status !== 0)
    .map(([, name]) => name);
}

export interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** The stack in a copy of the repository, under names of its own, so that nobody's own stack is touched. */
export interface Stack {
  readonly folder: string;
  /** Names its containers, networks, volumes and images. */
  readonly project: string;
  /** Runs a recipe of the Justfile. Throws with all output when it fails. */
  just(...words: string[]): Promise<string>;
  compose(...words: string[]): Promise<string>;
  docker(...words: string[]): Promise<string>;
  /** Runs a line of bash in the copy; answers what came of it. */
  bash(line: string, env?: Record<string, string>): Promise<Outcome>;
  /** Takes all of it away. */
  remove(): Promise<void>;
}

/** `machines`: settings of provision/provision.yml. Waits while another test run of this machine has its stack. */
export async function copyStack(machines: string): Promise<Stack> {
  const unlock = await lock(join(tmpdir(), 'berth-stack.lock'));
  const folder = mkdtempSync(join(tmpdir(), 'berth-stack-'));
  cpSync(ROOT, folder, { recursive: true, filter: (path) => !NOT_COPIED.has(basename(path)) });
  const project = 'berth-test';
  const env = {
    ...process.env,
    COMPOSE_PROJECT_NAME: project,
    BERTH_LAB_SUBNET: '172.31.218.0/24',
    BERTH_PROVISION: `${machines} -e pool=${project}`,
  };
  const run = (program: string, words: string[], more: Record<string, string> = {}): Promise<Outcome> =>
    new Promise((resolve) => {
      const options = { cwd: folder, env: { ...env, ...more }, maxBuffer: 64 * 1024 * 1024 };
      const child = execFile(program, words, options, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code ?? 1) || 1 : 0, output: `${stdout}${stderr}` });
      });
      child.stdin?.end();
    });
  const mustRun = async (program: string, words: string[]): Promise<string> => {
    const { code, output } = await run(program, words);
    if (code !== 0) throw new Error(`${basename(program)} ${words.join(' ')} ended with ${code}:\n${output}`);
    return output.trim();
  };
  const stack: Stack = {
    folder,
    project,
    just: (...words) => mustRun(join(ROOT, 'node_modules/.bin/just'), words),
    compose: (...words) => mustRun('docker-compose', ['-f', 'src/docker-compose.yml', ...words]),
    docker: (...words) => mustRun('docker', words),
    bash: (line, more) => run('bash', ['-c', line], more),
    async remove() {
      try {
        await stack.just('clean');
      } finally {
        rmSync(folder, { recursive: true, force: true });
        unlock();
      }
    },
  };
  // What a killed run left.
  await stack.just('clean');
  return stack;
}

/** Takes a lock until the function that it answers is called. */
async function lock(path: string): Promise<() => void> {
  const taken = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  void withFileLock(path, () => {
    taken.resolve();
    return done.promise;
  });
  await taken.promise;
  return done.resolve;
}

/** Throws when another program listens on the port of this machine: the stack could not take it. */
export async function mustBeFree(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', () => reject(new Error(`port ${port} is taken by another program; stop it and try again`)));
    server.listen(port, '127.0.0.1', resolve);
  });
  await new Promise((resolve) => server.close(resolve));
}

/** Asks until the answer is true; throws after `seconds`. */
export async function until(what: string, seconds: number, ask: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + seconds * 1000; !(await ask()); await pause(200)) {
    if (Date.now() > end) throw new Error(`${what}: it did not come about in ${seconds} s`);
  }
}
