import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { minutesOf } from './duration.ts';
import { usage } from './exit.ts';
import type { Request } from './reserving.ts';

/** What the commands that reserve have in common. */
export interface Wanted {
  readonly for: string;
  readonly label?: readonly string[];
  readonly machine?: readonly string[];
  readonly as?: string | undefined;
}

/** The request for machines; how to log in to them is left to the caller. */
export function requestFor(count: string | undefined, { for: time, label, machine, as }: Wanted): Request {
  return {
    count: count === undefined ? (machine?.length ?? 1) : countOf(count),
    duration_minutes: minutesOf(time),
    ...(label && { labels: [...label] }),
    ...(machine && { machines: [...machine] }),
    ...(as !== undefined && { username: as }),
  };
}

function countOf(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw usage(`"${text}" is no number of machines; write one like 2`);
  return Number(text);
}

/** Made here and not by the server, so that it is not lost with an answer that is lost on the way. */
export function makePassword(): string {
  return randomBytes(15).toString('base64url');
}

/** The keys of public key files, one per line. */
export function publicKeys(files: readonly string[]): string[] {
  return files.flatMap((file) => {
    const keys = readKeyFile(file)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'));
    if (keys.length === 0) throw usage(`--key ${file}: there is no key in it`);
    return keys;
  });
}

function readKeyFile(file: string): string {
  let text: string;
  try {
    text = readFileSync(file.startsWith('~/') ? join(homedir(), file.slice(2)) : file, 'utf8');
  } catch (error) {
    throw usage(`--key ${file}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (text.includes('PRIVATE KEY-----')) throw usage(`--key ${file}: this is a private key; name the .pub file`);
  return text;
}
