import type { Credential } from '#core/domain/machine.ts';
import { AccessError, type MachineAccess } from './driver.ts';

/**
 * The machine as a driver takes it; a credential of null is one that this process cannot open.
 * @throws AccessError `login_refused` when it is null.
 */
export function reachable(
  machine: Omit<MachineAccess, 'credential'> & { credential: Credential | null },
): MachineAccess {
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
