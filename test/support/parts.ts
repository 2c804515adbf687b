import { spawnSync } from 'node:child_process';
import { mariadbInstalled } from './mariadb.ts';

/** A real part that some tests need, and what is not tested without it. */
export interface MissingPart {
  readonly part: string;
  readonly lost: string;
}

export function dockerAnswers(): boolean {
  return spawnSync('docker', ['info'], { stdio: 'ignore', timeout: 10_000 }).status === 0;
}

export function missingParts(): MissingPart[] {
  const missing: MissingPart[] = [];
  if (!mariadbInstalled()) missing.push({ part: 'MariaDB (mariadbd)', lost: 'the pool was tested on SQLite only' });
  if (!dockerAnswers()) missing.push({ part: 'Docker', lost: 'nothing was tested against a real OpenSSH server' });
  return missing;
}
