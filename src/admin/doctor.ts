import { randomBytes } from 'node:crypto';
import { type Config, readConfig, SettingError } from '#core/runtime/config.ts';
import { findSecrets } from '#core/runtime/secrets.ts';
import { openStore, type Store } from '#core/store/store.ts';
import { checkClock, checkDatabase, checkMigrations, isFinding, lookAtDatabase } from './checks/database.ts';
import { type Finding, failed, ok, skipped } from './checks/finding.ts';
import { checkAnsible, checkAudit, checkDataDirectory, checkScheduler } from './checks/host.ts';
import { checkMachines } from './checks/machines.ts';
import { checkCredentials, checkDefaultPassword, checkSecrets } from './checks/secrets.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Checked = Finding & { readonly name: string };

/** Looks for what keeps Berth from working, and prints it with what to do; true when no check failed. Changes nothing. */
export async function doctor(env: Environment, machine: string | undefined, json: boolean): Promise<boolean> {
  const all: (Checked & { number: number })[] = [];
  for await (const checked of checks(env, machine)) {
    all.push({ number: all.length + 1, ...checked });
    if (!json) console.log(inWords(all.length, checked));
  }
  const failures = all.filter((check) => check.status === 'failed').length;
  if (json) console.log(JSON.stringify({ ok: failures === 0, checks: all }, null, 2));
  else console.log(failures === 0 ? '\nNo check failed.' : `\n${failures} check(s) failed.`);
  return failures === 0;
}

/** Each check as soon as it is done. What rests on a check that failed is skipped. */
async function* checks(env: Environment, machine: string | undefined): AsyncGenerator<Checked> {
  const config = settings(env);
  yield { name: 'settings', ...('status' in config ? config : ok('all settings can be read')) };
  yield { name: 'ansible', ...(await checkAnsible(env)) };
  if ('status' in config) {
    for (const name of [...WITH_DATABASE, 'data directory']) yield { name, ...skipped('the settings') };
    return;
  }
  yield { name: 'data directory', ...(await checkDataDirectory(config)) };
  yield { name: 'secrets', ...checkSecrets(config, env) };
  const facts = await lookAtDatabase(config);
  if (isFinding(facts)) {
    yield { name: 'database', ...facts };
    for (const name of WITH_FACTS) yield { name, ...skipped('the database') };
    for (const name of WITH_STORE) yield { name, ...skipped('the database') };
    return;
  }
  yield { name: 'database', ...checkDatabase(config, facts) };
  yield { name: 'clock', ...checkClock(config, facts) };
  const migrations = checkMigrations(facts);
  yield { name: 'migrations', ...migrations };
  const store = migrations.status === 'ok' ? await open(config) : null;
  if (!store) {
    for (const name of WITH_STORE) yield { name, ...skipped('tables that are up to date and readable secrets') };
    return;
  }
  try {
    yield { name: 'credentials', ...(await unlessBroken(() => checkCredentials(store))) };
    yield { name: 'scheduler', ...(await unlessBroken(() => checkScheduler(store))) };
    yield { name: 'audit log', ...(await unlessBroken(() => checkAudit(store, facts))) };
    yield { name: 'admin password', ...(await unlessBroken(() => checkDefaultPassword(config, store))) };
    yield { name: 'machines', ...(await unlessBroken(() => checkMachines(config, store, machine))) };
  } finally {
    await store.close();
  }
}

const WITH_FACTS = ['clock', 'migrations'];
const WITH_STORE = ['credentials', 'scheduler', 'audit log', 'admin password', 'machines'];
const WITH_DATABASE = ['secrets', 'database', ...WITH_FACTS, ...WITH_STORE];

function settings(env: Environment): Config | Finding {
  try {
    return readConfig(env);
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    return failed(error.message, 'Change it, and run this again: only the first wrong setting is named.');
  }
}

/** A database that fails in the middle of a check fails that check alone. */
async function unlessBroken(check: () => Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    return failed(
      `the database failed: ${(error as Error).message}`,
      'See that it still runs; restore a backup if tables of it are gone or damaged.',
    );
  }
}

/** Null when the secrets cannot be read, which has been said by then. */
async function open(config: Config): Promise<Store | null> {
  try {
    const { secretKey, oldSecretKeys } = findSecrets(config);
    return await openStore({
      database: config.database,
      // Without a key none opens a credential, and none is made here.
      secretKey: secretKey ?? randomBytes(32),
      oldSecretKeys: oldSecretKeys ?? [],
      connectRetries: 0,
      connectRetrySeconds: 0,
    });
  } catch (error) {
    if (error instanceof SettingError) return null;
    throw error;
  }
}

function inWords(number: number, { name, status, message, mend, problems }: Checked): string {
  const lines = [`${String(number).padStart(2)} ${status.padEnd(7)} ${name.padEnd(14)} ${message}`];
  if (mend) lines.push(`${' '.repeat(26)}-> ${mend}`);
  for (const problem of problems ?? []) {
    lines.push(`${' '.repeat(26)}${problem.what}`, `${' '.repeat(26)}-> ${problem.mend}`);
  }
  return lines.join('\n');
}
