import { setTimeout as pause } from 'node:timers/promises';
import { AccessError, type MachineAccess } from '#core/access/driver.ts';
import { accessError, printable } from './failures.ts';

/** The SSH server hung up before the login: sshd does so when many connect at once. Worth another attempt. */
export class HandshakeDropped extends Error {}

/** What an error of the SSH library before the login means. */
export function connectFailure(machine: MachineAccess, error: Error & { level?: string; code?: string }): Error {
  // From the look at the address.
  if (error instanceof AccessError) return error;
  if (error.level === 'client-authentication') {
    return accessError('login_refused', machine, `the SSH server refuses the login of ${printable(machine.user, 32)}`);
  }
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || error.message.includes('before handshake')) {
    return new HandshakeDropped();
  }
  return accessError('unreachable', machine, `no SSH connection (${printable(error.code ?? error.message, 100)})`);
}

/**
 * Calls `dial` with the milliseconds that are left of `limitMs`, again and again with growing pauses while the server drops it.
 * @throws AccessError `unreachable` when it never stops dropping it, what else `dial` throws, or the signal's reason.
 */
export async function dialAgain<T>(
  machine: MachineAccess,
  limitMs: number,
  signal: AbortSignal,
  dial: (leftMs: number) => Promise<T>,
): Promise<T> {
  const end = performance.now() + limitMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await dial(Math.max(1, end - performance.now()));
    } catch (error) {
      if (!(error instanceof HandshakeDropped)) throw error;
    }
    const wait = attempt * (50 + Math.random() * 200);
    if (attempt >= 6 || performance.now() + wait >= end) {
      throw accessError('unreachable', machine, 'the SSH server hangs up before the login');
    }
    await pause(wait, undefined, { signal });
  }
}
