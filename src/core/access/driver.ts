import type { Credential } from '#core/domain/machine.ts';

/** A machine as a driver needs to know it. */
export interface MachineAccess {
  /** Stable id of the machine in Berth; connections are kept per id. */
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Login user: root, or a user with passwordless sudo. */
  readonly user: string;
  readonly credential: Credential;
  /** The pinned host key as `algorithm base64`, or null before the first contact. */
  readonly hostKey: string | null;
}

/** One account that is to exist on a machine. */
export interface AccountOrder {
  readonly allocationId: string;
  /**
   * Grows with each allocation of one machine. A removal fences its generation off on the machine itself, so that
   * a creation that was delayed on the way cannot make the account after it was proven gone.
   */
  readonly generation: number;
  readonly accountName: string;
  /** SHA-512 crypt (`$6$`), or null when only keys may log in. */
  readonly passwordHash: string | null;
  readonly authorizedKeys: readonly string[];
}

export interface CreatedAccount {
  readonly uid: number;
  /** The host key that was offered, as `algorithm base64`. */
  readonly hostKey: string;
}

export interface RemovalOrder {
  readonly allocationId: string;
  readonly generation: number;
  readonly accountName: string;
}

/** What a removal found, did and proved. Everything in it was checked on the machine after the removal. */
export interface RemovalReport {
  /** `removed`: our account was there; `absent`: nothing of ours was there; `foreign`: an account without our marker has the name and was left alone. */
  readonly outcome: 'removed' | 'absent' | 'foreign';
  readonly uid: number | null;
  readonly processesEnded: number;
  readonly filesRemoved: number;
}

export interface ProbeReport {
  /** The host key that was offered, as `algorithm base64`, e.g. `ssh-ed25519 AAAA...`. */
  readonly hostKey: string;
  readonly operatingSystem: string;
  /** Machine clock minus ours, in seconds. */
  readonly clockSkewSeconds: number;
  readonly freeDiskMegabytes: number;
  readonly load: number;
  /** The highest generation that ended on this machine, whoever lent it; 0 on a new one. */
  readonly fence: number;
}

/** Makes and removes accounts on machines. Every call is safe to repeat, bounded in time, and fails with an AccessError only. */
export interface AccessDriver {
  probe(machine: MachineAccess): Promise<ProbeReport>;
  createAccount(machine: MachineAccess, order: AccountOrder): Promise<CreatedAccount>;
  removeAccount(machine: MachineAccess, order: RemovalOrder): Promise<RemovalReport>;
  /** Closes the kept connection of one machine, e.g. after its address or credential changed. */
  forget(machineId: string): void;
  /** Longest time in milliseconds that createAccount or removeAccount can take; leases are longer than this. */
  readonly timeLimitMs: number;
  close(): Promise<void>;
}

export const ACCESS_FAILURES = [
  'unreachable',
  'timed_out',
  'host_key_changed',
  'login_refused',
  'no_root',
  'tool_missing',
  'disk_full',
  'account_exists',
  'in_use',
  'fenced_off',
  'still_dirty',
  'bad_answer',
] as const;

export type AccessFailure = (typeof ACCESS_FAILURES)[number];

/** Why a machine could not be used, and what to do about it. Message and mend may be shown to people. */
export class AccessError extends Error {
  readonly code: AccessFailure;
  /** One sentence on what to do about it. */
  readonly mend: string;
  /** The key that the machine offered instead of the pinned one (`host_key_changed` only). */
  readonly offeredHostKey: string | null;

  constructor(code: AccessFailure, message: string, mend: string, offeredHostKey: string | null = null) {
    super(message);
    this.name = 'AccessError';
    this.code = code;
    this.mend = mend;
    this.offeredHostKey = offeredHostKey;
  }
}
