import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { CliError, EXIT } from './exit.ts';

/** What `berth login` keeps. The token belongs to this server and is sent to no other. */
export interface Login {
  readonly server: string;
  readonly token: string;
  readonly user: string;
  /** ISO 8601; null when only the server knows. */
  readonly expires_at: string | null;
  /** PEM text of certificates to trust for this server, or null. */
  readonly ca: string | null;
  readonly insecure: boolean;
}

function loginFile(): string {
  return join(process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'berth', 'login.json');
}

/** Null when nobody has signed in. */
export function readLogin(): Login | null {
  const file = loginFile();
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new CliError('failed', EXIT.failed, `${file} cannot be read: ${(error as Error).message}`);
  }
  try {
    const { server, token, user, expires_at = null, ca = null, insecure = false } = JSON.parse(text) as Partial<Login>;
    if (typeof server === 'string' && typeof token === 'string' && typeof user === 'string') {
      return { server, token, user, expires_at, ca, insecure: insecure === true };
    }
  } catch {
    // Said below.
  }
  throw new CliError('failed', EXIT.failed, `${file} is damaged`, 'Sign in again: berth logout && berth login');
}

/** Keeps it readable for this user only; at no moment is the file half written or open to others. */
export function writeLogin(login: Login): string {
  const file = loginFile();
  writePrivately(file, `${JSON.stringify(login, null, 2)}\n`);
  return file;
}

/** Answers whether there was one. */
export function removeLogin(): boolean {
  try {
    rmSync(loginFile());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Replaces a file as a whole, mode 0600, in a folder that only this user can enter if it has to be made. */
export function writePrivately(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.${randomUUID()}`;
  try {
    writeFileSync(fresh, text, { mode: 0o600, flag: 'wx' });
    renameSync(fresh, file);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}
