import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Config } from '#core/runtime/config.ts';
import { HEARTBEAT_LIMIT_MS } from '#core/runtime/wire.ts';
import type { Store } from '#core/store/store.ts';
import { type Finding, failed, ok, warning } from './finding.ts';

const MEGABYTE = 1024 * 1024;
const LEAST_FREE_MB = 100;
const LITTLE_FREE_MB = 1024;

/** Whether the data directory can be written to and has room, if anything is kept there. Where it is not there yet, its parent counts. */
export async function checkDataDirectory({ dataDir, database, jwtSecret, secretKey }: Config): Promise<Finding> {
  if (database.dialect === 'mariadb' && jwtSecret !== null && secretKey !== null) {
    return ok('not needed: the data is in MariaDB, and the secrets are set');
  }
  let folder = dataDir;
  while (!existsSync(folder)) folder = dirname(folder);
  const trial = join(folder, `.doctor-${process.pid}`);
  try {
    await writeFile(trial, 'x', { flag: 'wx', mode: 0o600, flush: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOSPC'
      ? failed(`the disk of ${folder} is full`, 'Make room on it.')
      : failed(
          `${folder} cannot be written to (${code})`,
          'Give it to the user that runs Berth (mode 0700), or set BERTH_DATA_DIR to another place.',
        );
  } finally {
    await rm(trial, { force: true }).catch(() => undefined);
  }
  const { bavail, bsize } = await statfs(folder);
  const free = Math.floor((bavail * bsize) / MEGABYTE);
  const words = `${folder} can be written to and has ${free} MB free`;
  if (free < LEAST_FREE_MB) return failed(words, 'Make room on its disk.');
  return free < LITTLE_FREE_MB ? warning(words, 'Make room on its disk soon.') : ok(words);
}

/** Whether a scheduler is at work: without one nothing ends and nothing is cleaned. */
export async function checkScheduler(store: Store): Promise<Finding> {
  const mend = 'Start one: npm start has it built in, npm run scheduler is one alone; look into its log.';
  const lastAt = await store.tables.heartbeats.lastAt('scheduler');
  if (!lastAt) return failed('no scheduler was ever at work', mend);
  const seconds = Math.round((Date.now() - lastAt.getTime()) / 1000);
  const words = `a scheduler was at work ${seconds} s ago`;
  return seconds * 1000 > HEARTBEAT_LIMIT_MS ? failed(words, mend) : ok(words);
}

/** Whether Ansible is installed, where machines are reached with it. */
export async function checkAnsible(env: Readonly<Record<string, string | undefined>>): Promise<Finding> {
  if (env['ACCESS_DRIVER']?.trim().toLowerCase() !== 'ansible') return ok('machines are reached without Ansible');
  try {
    const { stdout } = await promisify(execFile)('ansible-playbook', ['--version'], { timeout: 30_000 });
    return ok(stdout.split('\n')[0] ?? 'ansible-playbook is installed');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT'
      ? failed(
          'ACCESS_DRIVER=ansible, and there is no ansible-playbook',
          'Install the package ansible or ansible-core.',
        )
      : failed('ansible-playbook does not run', 'Run "ansible-playbook --version" to see why.');
  }
}
