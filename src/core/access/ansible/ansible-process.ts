import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { SSH_ARGUMENTS } from './login.ts';
import { kill, MARK } from './processes.ts';

/** What our callback plugin tells about a machine. */
export interface AnsibleEvent {
  readonly machine: string;
  /** `answered`: our script failed, and its answer tells why; `failed`: another task did. */
  readonly event: 'finished' | 'answered' | 'failed';
  readonly task?: string;
  readonly message?: string;
}

export interface AnsibleRun {
  readonly folder: string;
  /** Path of the playbook. */
  readonly playbook: string;
  /** For one login, in seconds. */
  readonly connectSeconds: number;
  /** For the whole run, in milliseconds. */
  readonly limitMs: number;
}

const PLUGINS = fileURLToPath(new URL('plugins/', import.meta.url));
/** Machines that are worked on at the same time in one run. */
const FORKS = 25;
/** How much of what Ansible says about itself is kept, in characters. */
const MOST_WORDS = 4_000;

/**
 * Runs ansible-playbook in the folder of a run. Answers its exit code (null: killed at the time limit) and the end of
 * what it said about itself. Some of its children may outlive it.
 * @throws the reason of `signal`, or why it could not be started.
 */
export function ansiblePlaybook(
  run: AnsibleRun,
  signal: AbortSignal,
  onEvent: (event: AnsibleEvent) => void,
): Promise<{ code: number | null; words: string }> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn('ansible-playbook', ['--inventory', 'inventory.yml', run.playbook], {
      cwd: run.folder,
      env: environment(run),
      // A process group of its own, so that it ends with its children.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    }) as ChildProcess & { stderr: Readable };
    const end = (): void => {
      if (child.pid !== undefined) kill(-child.pid);
    };
    const timer = setTimeout(end, run.limitMs);
    signal.addEventListener('abort', end, { once: true });
    let words = '';
    child.stderr.on('data', (data: Buffer) => {
      words = `${words}${data.toString('latin1')}`.slice(-MOST_WORDS);
    });
    createInterface({ input: child.stdio[3] as Readable }).on('line', (line) => {
      onEvent(JSON.parse(line) as AnsibleEvent);
    });
    const settle = (how: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      if (signal.aborted) reject(signal.reason);
      else how();
    };
    child.once('error', (error) => settle(() => reject(error)));
    child.once('exit', (code) => {
      // A child that was left behind may hold the pipes open.
      const leave = (): void => settle(() => resolve({ code, words }));
      const last = setTimeout(leave, 200);
      child.once('close', () => {
        clearTimeout(last);
        leave();
      });
    });
  });
}

/** All settings of Ansible are given here, so that no ansible.cfg and no variable of ours gets into a run. */
function environment(run: AnsibleRun): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    ...(process.env['HOME'] === undefined ? {} : { HOME: process.env['HOME'] }),
    LC_ALL: 'C.UTF-8',
    PYTHONDONTWRITEBYTECODE: '1',
    [MARK]: run.folder,
    ANSIBLE_CONFIG: join(run.folder, 'ansible.cfg'),
    ANSIBLE_LOCAL_TEMP: join(run.folder, 'local'),
    ANSIBLE_ACTION_PLUGINS: join(PLUGINS, 'action'),
    ANSIBLE_CALLBACK_PLUGINS: join(PLUGINS, 'callback'),
    ANSIBLE_STDOUT_CALLBACK: 'berth',
    ANSIBLE_INVENTORY_ENABLED: 'yaml',
    ANSIBLE_INVENTORY_UNPARSED_FAILED: 'true',
    ANSIBLE_FORKS: String(FORKS),
    ANSIBLE_TIMEOUT: String(run.connectSeconds),
    ANSIBLE_HOST_KEY_CHECKING: 'true',
    ANSIBLE_PIPELINING: 'true',
    ANSIBLE_SSH_ARGS: SSH_ARGUMENTS,
    ANSIBLE_SSH_EXECUTABLE: join(PLUGINS, 'bounded-ssh'),
    ANSIBLE_SSH_TRANSFER_METHOD: 'piped',
    ANSIBLE_RETRY_FILES_ENABLED: 'false',
    ANSIBLE_NOCOLOR: 'true',
    ANSIBLE_DISPLAY_ARGS_TO_STDOUT: 'false',
  };
}
