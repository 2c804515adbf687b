import { createHash, timingSafeEqual } from 'node:crypto';
import ssh2, { type AuthContext, type PasswordAuthContext, type PublicKeyAuthContext } from 'ssh2';
import { verify } from 'unixcrypt';
import type { MachineMemory, SimulatedAccount } from './machine.ts';

/** May this attempt log in? Root by the password of the machine, accounts by their password hash or their keys. */
export function mayLogIn(attempt: AuthContext, machine: MachineMemory, rootPassword: string): boolean {
  if (attempt.username === 'root') {
    if (attempt.method !== 'password') return false;
    return samePassword(attempt.password, rootPassword) && !machine.faults.wrongPassword;
  }
  const account = machine.accounts.get(attempt.username);
  if (!account) return false;
  if (attempt.method === 'password') return passwordFits(attempt, account);
  if (attempt.method === 'publickey') return keyFits(attempt, account);
  return false;
}

/** Takes the same time for every wrong password. */
function samePassword(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function passwordFits(attempt: PasswordAuthContext, account: SimulatedAccount): boolean {
  if (!account.passwordHash?.startsWith('$6$')) return false;
  return verify(attempt.password, account.passwordHash);
}

/** Without a signature the client only asks whether the key would do; ssh2 lets nobody in for that. */
function keyFits(attempt: PublicKeyAuthContext, account: SimulatedAccount): boolean {
  return account.keys.some((line) => {
    const key = ssh2.utils.parseKey(line);
    if (key instanceof Error || !key.getPublicSSH().equals(attempt.key.data)) return false;
    if (!attempt.signature) return true;
    return attempt.blob !== undefined && key.verify(attempt.blob, attempt.signature, attempt.hashAlgo) === true;
  });
}
