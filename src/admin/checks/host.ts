import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Config } from '#core/runtime/config.ts';
import { HEARTBEAT_LIMIT_MS } from '#core/runtime/wire.ts';
import type { DatabaseFacts } from '#core/store/inspect.ts';
import type { Store } from '#core/store/store.ts';
import { type Finding, failed, ok, warning } from './finding.ts';

const MEGABYTE = 1024 * 1024;
const LEAST_FREE_MB = 100;
const LITTLE_FREE_MB = 1024;
const UNSEALED_LIMIT_MS = 60_000;

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

/** Whether the audit log is sealed in time and guarded; `audit verify` is what goes through all of it. */
export async function checkAudit(store: Store, { missingGuards }: DatabaseFacts): Promise<Finding> {
  const now = new Date();
  try {
    await store.tables.auditChain.checkKey();
  } catch (error) {
    return failed(
      `the audit log cannot be sealed: ${(error as Error).message}`,
      'Set BERTH_SECRET_KEY (or BERTH_SECRET_KEYS_OLD) to the key that it was sealed with.',
    );
  }
  const oldest = await store.tables.auditChain.oldestUnsealed('near', now);
  const seconds = oldest ? Math.round((now.getTime() - oldest.getTime()) / 1000) : 0;
  if (seconds * 1000 > UNSEALED_LIMIT_MS) {
    return warning(`audit rows have waited for ${seconds} s to be sealed`, 'Start a scheduler; look into its log.');
  }
  if (missingGuards.length > 0) {
    return warning(
      `triggers that guard the audit log are missing: ${missingGuards.join(', ')}`,
      'Start Berth as a database user who may make triggers (with a binary log: log_bin_trust_function_creators=1).',
    );
  }
  return ok('the audit log is guarded and sealed up to the last minute');
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
