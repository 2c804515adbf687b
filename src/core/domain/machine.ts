import type { Moves } from './moves.ts';

export type MachineState = 'checking' | 'ready' | 'unreachable' | 'quarantined' | 'disabled';

/** Which state may follow which. Lent or not is no machine state: it follows from an open allocation. */
export const MACHINE_MOVES: Moves<MachineState> = {
  checking: ['ready', 'unreachable', 'quarantined', 'disabled'],
  ready: ['unreachable', 'quarantined', 'disabled', 'checking'],
  unreachable: ['ready', 'quarantined', 'disabled', 'checking'],
  quarantined: ['checking', 'disabled'],
  disabled: ['checking'],
};

/** How Berth logs in to a machine. */
export type Credential =
  | { readonly kind: 'password'; readonly password: string }
  | { readonly kind: 'private_key'; readonly privateKey: string };

/** Failures in a row after which a machine counts as unreachable. */
export const FAILURES_UNTIL_UNREACHABLE = 3;

/** Milliseconds until the next probe of a machine after `failures` failed ones in a row: grows from 2 s to 5 min. */
export function pauseAfterFailures(failures: number): number {
  return Math.min(300_000, 2_000 * 2 ** Math.max(0, failures - 1));
}
