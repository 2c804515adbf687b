import { fileURLToPath } from 'node:url';
import type { Verb } from '../ssh/scripts.ts';

/** The playbook of each verb, by its name in a folder of playbooks. */
export const PLAYBOOKS: Record<Verb, string> = {
  probe: 'probe.yml',
  create: 'create-account.yml',
  remove: 'remove-account.yml',
};

/** The playbooks that Berth brings. */
export const OWN_PLAYBOOKS = fileURLToPath(new URL('playbooks/', import.meta.url));
