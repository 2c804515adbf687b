import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { PLAYBOOKS } from './playbooks.ts';

/** Is there a program of this name on the PATH? */
export function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => isThere(join(folder, program), constants.X_OK));
}

/** Why the Ansible driver cannot work here, in one line that says what to do; null when it can. */
export function whyNoAnsible(playbooksDir: string | null): string | null {
  for (const [program, packages] of [
    ['ansible-playbook', 'ansible and sshpass'],
    ['ssh', 'openssh-client'],
  ] as const) {
    if (!isInstalled(program)) return `ACCESS_DRIVER=ansible: ${program} is not installed; install ${packages}`;
  }
  for (const file of playbooksDir === null ? [] : Object.values(PLAYBOOKS)) {
    if (!isThere(join(playbooksDir ?? '', file), constants.R_OK)) {
      return `ACCESS_PLAYBOOKS_DIR: there is no ${file} in ${playbooksDir}; copy src/core/access/ansible/playbooks there and change the hooks`;
    }
  }
  return null;
}

function isThere(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
