import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What `--json` printed. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field
  json(): any;
}

/** A person at a command line with a home of their own. */
export interface Person {
  readonly home: string;
  readonly loginFile: string;
  /** Runs `berth` to its end; `input` is its standard input. */
  berth(words: readonly string[], input?: string, env?: Record<string, string>): Promise<Ran>;
  /** Starts any program in this person's place. */
  start(program: string, words: readonly string[], env?: Record<string, string>): ChildProcessWithoutNullStreams;
  leave(): void;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
export const LAUNCHER = join(root, 'src/cli/berth.mjs');

export function newPerson(): Person {
  const home = mkdtempSync(join(tmpdir(), 'berth-home-'));
  const start: Person['start'] = (program, words, env = {}) =>
    spawn(program, words, {
      cwd: home,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: home,
        XDG_CONFIG_HOME: join(home, 'config'),
        XDG_STATE_HOME: join(home, 'state'),
        TMPDIR: home,
        ...env,
      },
    });
  return {
    home,
    loginFile: join(home, 'config/berth/login.json'),
    start,
    async berth(words, input = '', env = {}) {
      const child = start(process.execPath, [LAUNCHER, ...words], env);
      child.stdin.end(input);
      return await ran(child);
    },
    leave: () => rmSync(home, { recursive: true, force: true }),
  };
}

/** Waits for the end of a program. */
export async function ran(child: ChildProcessWithoutNullStreams): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdin.on('error', () => undefined); // it may end without reading
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, stdout, stderr, json: () => JSON.parse(stdout) };
}
