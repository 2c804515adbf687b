import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Config, SettingError } from './config.ts';

export interface Secrets {
  readonly jwtSecret: Uint8Array;
  /** Seals the machines' credentials. */
  readonly secretKey: Buffer;
  /** Keys that open what was sealed before: those that were set, and those that are kept in the data directory. */
  readonly oldSecretKeys: readonly Buffer[];
}

const JWT_SECRET = 'jwt-secret';
const SECRET_KEY = 'secret-key';
/** What `secret-key` was, while credentials that were sealed with it are moved to the new one. */
const OLD_SECRET_KEY = 'secret-key.old';

/** The secrets that were set, and for the others those that are kept in the data directory, made there the first time. */
export function resolveSecrets(config: Config): Secrets {
  if (config.database.dialect === 'mariadb' && config.secretKey === null && !config.development) {
    throw new SettingError(
      'BERTH_SECRET_KEY: all processes on one MariaDB need the same key; set it, for example from "openssl rand -base64 32"',
    );
  }
  if (config.database.dialect === 'mariadb' && config.jwtSecret === null && !config.development) {
    throw new SettingError(
      'JWT_SECRET: all processes on one MariaDB need the same secret; set it, for example from "openssl rand -base64 48"',
    );
  }
  return {
    jwtSecret: config.jwtSecret !== null ? Buffer.from(config.jwtSecret) : keptSecret(config.dataDir, JWT_SECRET),
    secretKey: config.secretKey ?? keptSecret(config.dataDir, SECRET_KEY),
    oldSecretKeys: oldSecretKeys(config),
  };
}

/** The secrets as they are now: null for one that is still to be made. Makes nothing. @throws SettingError as keptSecret. */
export function findSecrets(config: Config): { [name in keyof Secrets]: Secrets[name] | null } {
  return {
    jwtSecret: config.jwtSecret !== null ? Buffer.from(config.jwtSecret) : readKept(config.dataDir, JWT_SECRET),
    secretKey: config.secretKey ?? readKept(config.dataDir, SECRET_KEY),
    oldSecretKeys: oldSecretKeys(config),
  };
}

function oldSecretKeys(config: Config): readonly Buffer[] {
  const kept = [config.secretKey && readKept(config.dataDir, SECRET_KEY), readKept(config.dataDir, OLD_SECRET_KEY)];
  return [...config.oldSecretKeys, ...kept.filter((key) => key !== null)];
}

/**
 * 32 bytes that are made once and kept in a file that only its owner can read. Any number of processes may ask at once: they
 * all get the same. @throws SettingError when the file is damaged or open to others.
 */
export function keptSecret(dataDir: string, name: string): Buffer {
  makeFolder(dataDir);
  for (;;) {
    const secret = readKept(dataDir, name);
    if (secret) return secret;
    make(dataDir, join(dataDir, name));
  }
}

function readKept(dataDir: string, name: string): Buffer | null {
  const file = join(dataDir, name);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new SettingError(
      `${file}: this secret cannot be read (${code}); it has to belong to the user that runs Berth`,
    );
  }
  if ((statSync(file).mode & 0o077) !== 0) {
    throw new SettingError(
      `${file}: others can read this secret; run "chmod 600 ${file}", and replace the secret if they may have`,
    );
  }
  const secret = Buffer.from(text.trim(), 'base64');
  if (secret.length !== 32 || secret.toString('base64') !== text.trim()) {
    throw new SettingError(`${file}: this is no secret of 32 bytes in base64; restore it from a backup`);
  }
  return secret;
}

/**
 * Puts a new key in the place of the kept one, which stays beside it as an old key until `forgetOldKey`. Where an earlier
 * replacement was not finished, it is gone on with: no third key is made. Safe to be killed at any point.
 * @throws SettingError when there is no kept key.
 */
export function replaceKeptKey(dataDir: string): void {
  const current = readKept(dataDir, SECRET_KEY);
  if (!current) throw new SettingError(`${join(dataDir, SECRET_KEY)}: there is no kept key to be replaced`);
  const old = readKept(dataDir, OLD_SECRET_KEY);
  if (old && !old.equals(current)) return;
  if (!old) {
    linkSync(join(dataDir, SECRET_KEY), join(dataDir, OLD_SECRET_KEY));
    syncFolder(dataDir);
  }
  const draft = makeDraft(dataDir);
  renameSync(draft, join(dataDir, SECRET_KEY));
  syncFolder(dataDir);
}

/** Removes the old key, once nothing is sealed with it any more. */
export function forgetOldKey(dataDir: string): void {
  rmSync(join(dataDir, OLD_SECRET_KEY), { force: true });
  syncFolder(dataDir);
}

function makeFolder(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new SettingError(`BERTH_DATA_DIR: ${dataDir} cannot be made (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** The file appears under its name with all its content, or somebody else's is there already. */
function make(dataDir: string, file: string): void {
  const draft = makeDraft(dataDir);
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
  // What is sealed with the secret is on disk soon: the name of its file must not be lost in a power cut.
  syncFolder(dataDir);
}

/** A new secret in a file that has no lasting name yet. */
function makeDraft(dataDir: string): string {
  const draft = join(dataDir, `.draft-${process.pid}-${randomBytes(6).toString('hex')}`);
  const handle = openSync(draft, 'wx', 0o600);
  try {
    writeSync(handle, `${randomBytes(32).toString('base64')}\n`);
    fsyncSync(handle);
  } catch (error) {
    rmSync(draft);
    throw error;
  } finally {
    closeSync(handle);
  }
  return draft;
}

function syncFolder(dataDir: string): void {
  const folder = openSync(dataDir, 'r');
  fsyncSync(folder);
  closeSync(folder);
}
