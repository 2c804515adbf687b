import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Verb } from '../ssh/scripts.ts';

/** The playbooks that a team may change, by their names in a folder of playbooks. */
export const PLAYBOOKS = {
  probe: 'probe.yml',
  create: 'create-account.yml',
  remove: 'remove-account.yml',
} as const;

/** The playbooks that Berth brings. */
export const OWN_PLAYBOOKS = fileURLToPath(new URL('playbooks/', import.meta.url));

/** The playbook of a verb. A look at the whole machine has no place for tasks of a team, whose folder may be older than it. */
export function playbookOf(verb: Verb, folder: string): string {
  return verb === 'verify' ? join(OWN_PLAYBOOKS, 'verify.yml') : join(folder, PLAYBOOKS[verb]);
}
