import { spawnSync } from 'node:child_process';
import { isInstalled } from '#core/access/ansible/installed.ts';
import { chromiumInstalled } from './browser.ts';
import { dockerAvailable } from './docker-lab.ts';
import { galeraInstalled } from './galera.ts';
import { mariadbInstalled } from './mariadb.ts';
import { missingForStack } from './stack.ts';

/** A real part that some tests need, and what is not tested without it. */
export interface MissingPart {
  readonly part: string;
  readonly lost: string;
}

export function compilerInstalled(): boolean {
  return spawnSync('gcc', ['--version'], { stdio: 'ignore' }).status === 0;
}

/** What this machine lacks of the parts that the tests use. */
export function missingParts(): MissingPart[] {
  const missing: MissingPart[] = [];
  if (!mariadbInstalled()) missing.push({ part: 'MariaDB (mariadbd)', lost: 'the pool was tested on SQLite only' });
  if (!dockerAvailable()) missing.push({ part: 'Docker', lost: 'nothing was tested against a real OpenSSH server' });
  if (!compilerInstalled()) missing.push({ part: 'gcc', lost: 'a process without a main thread was not removed' });
  if (!galeraInstalled())
    missing.push({ part: 'Galera (galera-4, rsync)', lost: 'no cluster was tried as the database' });
  if (!ansibleInstalled()) {
    missing.push({ part: 'Ansible (ansible-playbook, sshpass)', lost: 'the Ansible driver was not tested' });
  }
  const forStack = missingForStack();
  if (forStack.length > 0) missing.push({ part: forStack.join(', '), lost: 'the stack was not tested as a whole' });
  if (!chromiumInstalled()) missing.push({ part: 'Chromium', lost: 'the web page was not tested' });
  return missing;
}

export function ansibleInstalled(): boolean {
  return isInstalled('ansible-playbook') && isInstalled('sshpass');
}
