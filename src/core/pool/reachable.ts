import { AccessError, type MachineAccess } from '#core/access/driver.ts';
import type { Machine } from '#core/store/machines.ts';

/**
 * The machine as a driver takes it.
 * @throws AccessError `login_refused` when none of this process's keys opens its stored credential.
 */
export function reachable(machine: Machine): MachineAccess {
  const { credential } = machine;
  if (credential === null) {
    throw new AccessError(
      'login_refused',
      'its stored credential was sealed with another key than BERTH_SECRET_KEY',
      'Start Berth with that key in BERTH_SECRET_KEYS_OLD, or give the machine its password or private key again.',
    );
  }
  return { ...machine, credential };
}
