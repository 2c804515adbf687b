import { chromiumInstalled } from './browser.ts';
import { dockerAvailable } from './docker-lab.ts';
import { mariadbInstalled } from './mariadb.ts';

/** A real part that some tests need, and what is not tested without it. */
export interface MissingPart {
  readonly part: string;
  readonly lost: string;
}

/** What this machine lacks of the parts that the tests use. */
export function missingParts(): MissingPart[] {
  const missing: MissingPart[] = [];
  if (!mariadbInstalled()) missing.push({ part: 'MariaDB (mariadbd)', lost: 'the pool was tested on SQLite only' });
  if (!dockerAvailable()) missing.push({ part: 'Docker', lost: 'nothing was tested against a real OpenSSH server' });
  if (!chromiumInstalled()) missing.push({ part: 'Chromium', lost: 'the web page was not tested' });
  return missing;
}
