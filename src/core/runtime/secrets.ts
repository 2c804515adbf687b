import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Config, SettingError } from './config.ts';

export interface Secrets {
  readonly jwtSecret: Uint8Array;
  readonly secretKey: Buffer;
}

/** The secrets that were set, and for the others those that are kept in the data directory, made there the first time. */
export function resolveSecrets(config: Config): Secrets {
  if (config.database.dialect === 'mariadb' && config.secretKey === null && !config.development) {
    throw new SettingError(
      'BERTH_SECRET_KEY: all processes on one MariaDB need the same key; set it, for example from "openssl rand -base64 32"',
    );
  }
  return {
    jwtSecret: config.jwtSecret !== null ? Buffer.from(config.jwtSecret) : keptSecret(config.dataDir, 'jwt-secret'),
    secretKey: config.secretKey ?? keptSecret(config.dataDir, 'secret-key'),
  };
}

/**
 * 32 bytes that are made once and kept in a file that only its owner can read. Any number of processes may ask at once: they
 * all get the same. @throws SettingError when the file is damaged or open to others.
 */
export function keptSecret(dataDir: string, name: string): Buffer {
  makeFolder(dataDir);
  const file = join(dataDir, name);
  for (;;) {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      make(dataDir, file);
      continue;
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
  const draft = join(dataDir, `.draft-${process.pid}-${randomBytes(6).toString('hex')}`);
  const handle = openSync(draft, 'wx', 0o600);
  try {
    writeSync(handle, `${randomBytes(32).toString('base64')}\n`);
    fsyncSync(handle);
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    closeSync(handle);
    rmSync(draft);
  }
  // What is sealed with the secret is on disk soon: the name of its file must not be lost in a power cut.
  const folder = openSync(dataDir, 'r');
  fsyncSync(folder);
  closeSync(folder);
}
