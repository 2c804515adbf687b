import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { passwordFits } from '#core/accounts/passwords.ts';
import { isAdmin } from '#core/domain/actor.ts';
import { type Config, DEFAULT_ADMIN_PASSWORD, isLoopback, SettingError } from '#core/runtime/config.ts';
import { findSecrets } from '#core/runtime/secrets.ts';
import type { ClosedCredential } from '#core/store/credentials.ts';
import type { Store } from '#core/store/store.ts';
import { type Finding, failed, ok, type Problem, summary, warning } from './finding.ts';

const SECRET_FILES = [
  'DATABASE_URL_FILE',
  'JWT_SECRET_FILE',
  'BERTH_SECRET_KEY_FILE',
  'BERTH_SECRET_KEYS_OLD_FILE',
  'ADMIN_DEFAULT_PASSWORD_FILE',
  'METRICS_TOKEN_FILE',
];
/** Fewer different bytes are no chance, but a placeholder that somebody left. */
const LEAST_VARIETY = 10;
const BATCH = 500;
/** Each one takes some 20 ms. */
const MOST_ADMINS = 50;

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether the secrets are there, are no placeholders, and are for their owner's eyes only. */
export function checkSecrets(config: Config, env: Environment): Finding {
  const problems: Problem[] = [];
  try {
    const { jwtSecret, secretKey } = findSecrets(config);
    if (config.secretKey === null && config.database.dialect === 'mariadb' && !config.development) {
      problems.push({
        what: 'BERTH_SECRET_KEY is not set, and all processes on one MariaDB need the same',
        mend: 'Set it, for example from "openssl rand -base64 32".',
      });
    }
    for (const [name, secret] of [
      ['JWT_SECRET', jwtSecret],
      ['BERTH_SECRET_KEY', secretKey],
    ] as const) {
      if (!secret || config.development || !isPlaceholder(Buffer.from(secret))) continue;
      problems.push({
        what: `${name} is a placeholder that others can guess`,
        mend: name === 'JWT_SECRET' ? 'Set it from "openssl rand -base64 48".' : 'Replace it with rotate-key.',
      });
    }
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    return failed(error.message, 'Mend the file as the message says.');
  }
  if (problems.length > 0) return summary('failed', problems, '');
  return summary('warning', openFiles(config, env), 'the secrets are there, and only their owner can read them');
}

function isPlaceholder(secret: Buffer): boolean {
  return new Set(secret).size < LEAST_VARIETY || /change.?me|placeholder|your.?secret/i.test(secret.toString('latin1'));
}

function openFiles(config: Config, env: Environment): Problem[] {
  const named = SECRET_FILES.map((name) => env[name]?.trim() ?? '').filter((file) => file !== '');
  const database = config.database.dialect === 'sqlite' ? [config.database.file] : [];
  return [...named, ...database]
    .filter((file) => isOpenToAll(resolve(file)))
    .map((file) => ({ what: `everybody on this machine can read ${file}`, mend: `Run: chmod o= ${file}` }));
}

/** Whether others can read the file and get through all folders to it. */
function isOpenToAll(file: string): boolean {
  if (!allows(file, 0o004)) return false;
  for (let folder = dirname(file); folder !== '/'; folder = dirname(folder)) if (!allows(folder, 0o001)) return false;
  return true;
}

function allows(path: string, bits: number): boolean {
  return ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & bits) !== 0;
}

/** Whether the keys open all stored credentials. */
export async function checkCredentials(store: Store): Promise<Finding> {
  let opened = 0;
  let outdated = 0;
  const closed: ClosedCredential[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const batch: Awaited<ReturnType<Store['tables']['credentials']['tryToOpen']>> =
      await store.tables.credentials.tryToOpen(after, BATCH);
    opened += batch.opened;
    outdated += batch.outdated;
    closed.push(...batch.closed);
    after = batch.last;
  }
  if (closed.length > 0) {
    const byKey = new Map<string, string[]>();
    for (const { keyId, machine } of closed) byKey.set(keyId, [...(byKey.get(keyId) ?? []), machine]);
    const problems = [...byKey].map(([keyId, machines]) => ({
      what: `no key opens ${machines.length} credential(s) sealed with the key ${keyId || '(unknown)'}: ${some(machines)}`,
      mend: 'Set BERTH_SECRET_KEY (or BERTH_SECRET_KEYS_OLD) to that key, or give these machines new credentials.',
    }));
    return summary('failed', problems, '');
  }
  if (outdated > 0) {
    return warning(
      `${outdated} of ${opened} credentials are sealed with an old key`,
      'Run rotate-key, then drop that key.',
    );
  }
  return ok(`the key opens all ${opened} credentials`);
}

/** Whether an admin still has the password that Berth ships with. */
export async function checkDefaultPassword(config: Config, store: Store): Promise<Finding> {
  const users = await store.tables.users.list();
  const admins = users.filter((user) => isAdmin({ kind: 'user', name: user.username, ...user }) && !user.disabled);
  const weak: string[] = [];
  for (const admin of admins.slice(0, MOST_ADMINS)) {
    if (await passwordFits(admin.passwordHash, DEFAULT_ADMIN_PASSWORD)) weak.push(admin.username);
  }
  if (weak.length === 0) return ok(`none of ${admins.length} admin(s) has the password that Berth ships with`);
  const words = [
    `${some(weak)} still has the password that Berth ships with`,
    'Change it, for example with reset-password.',
  ];
  const harmless = config.development || isLoopback(config.host);
  return harmless ? warning(...(words as [string, string])) : failed(...(words as [string, string]));
}

function some(names: readonly string[]): string {
  const rest = names.length - 5;
  return names.slice(0, 5).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
