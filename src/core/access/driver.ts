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

/** What a removal looks for again afterwards; it succeeds only when none of it is left. */
export const REMOVAL_CHECKS = ['account', 'group', 'processes', 'sessions', 'home', 'jobs', 'files', 'ipc'] as const;

export type RemovalCheck = (typeof REMOVAL_CHECKS)[number];

/** What a removal found, did and proved. Everything in it was checked on the machine after the removal. */
export interface RemovalReport {
  /** `removed`: our account was there; `absent`: nothing of ours was there; `foreign`: an account without our marker has the name and was left alone. */
  readonly outcome: 'removed' | 'absent' | 'foreign';
  readonly uid: number | null;
  readonly processesEnded: number;
  /** Those of them that did not end when they were asked to. */
  readonly processesKilled: number;
  /** Logins over SSH that were open. */
  readonly sessionsEnded: number;
  readonly filesRemoved: number;
  /** The same by where they were. */
  readonly filesIn: {
    readonly home: number;
    /** Where everybody may write. */
    readonly temporary: number;
    readonly mail: number;
    /** Cron tables and waiting jobs. */
    readonly jobs: number;
  };
  /** What was looked for again, and was gone. An account that is not ours is not looked at. */
  readonly checked: readonly RemovalCheck[];
}

/** What is to be compared with the machine. */
export interface VerifyOrder {
  /** The account that has to be there, if there is one. */
  readonly expected: {
    readonly allocationId: string;
    readonly accountName: string;
    readonly authorizedKeys: readonly string[];
  } | null;
  /** Every generation up to this one has ended. */
  readonly endedGeneration: number;
  /** Take away what nobody has a claim to any more; done only while no account of Berth's is on the machine. */
  readonly repair: boolean;
}

export const LEFTOVERS = [
  'process',
  'file',
  'home',
  'job',
  'runtime',
  'group',
  'ipc',
  'staging',
  'limits',
  'record',
] as const;

/** Something of an account that is gone. */
export interface Leftover {
  readonly kind: (typeof LEFTOVERS)[number];
  /** The uid of that account; null where it is not known. */
  readonly uid: number | null;
  /** How many processes, files or objects; 1 for the others. */
  readonly count: number;
  /** What it is called on the machine, where that is harmless to show. */
  readonly name: string | null;
}

/** What of Berth's is on a machine. Whether it ought to be there is not judged. */
export interface VerifyReport {
  /** As in ProbeReport. */
  readonly fence: number;
  /** How many keys open the login that Berth uses; null when that cannot be told. */
  readonly loginKeys: number | null;
  /** Accounts that Berth made, this one or another. */
  readonly accounts: readonly {
    readonly allocationId: string;
    readonly accountName: string;
    readonly uid: number;
    /** Whether it can be logged in to; otherwise it is half made or half removed. */
    readonly entry: boolean;
  }[];
  /** Whether the keys of the expected account are others than ordered. */
  readonly keysDiffer: boolean;
  readonly leftovers: readonly Leftover[];
  /** Things that were found beyond the most that are told. */
  readonly more: number;
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
  /** Repeated for the allocation that this machine removed last it reports the same again; the answer may have been lost. */
  removeAccount(machine: MachineAccess, order: RemovalOrder): Promise<RemovalReport>;
  /** Looks for all that is Berth's on the machine; what a repair takes away is told too. */
  verify(machine: MachineAccess, order: VerifyOrder): Promise<VerifyReport>;
  /** Closes the kept connection of one machine, e.g. after its address or credential changed. */
  forget(machineId: string): void;
  /** Longest time in milliseconds that createAccount or removeAccount can take; leases are longer than this. */
  readonly timeLimitMs: number;
  close(): Promise<void>;
}

/** Opens shells in accounts, beside what a driver does. */
export interface ShellAccess {
  /**
   * Opens a login shell in the account of an allocation, in a terminal of its own. Shells hold a connection to the machine
   * that is verified like any other; at most a few at a time are opened on one machine. Fails with an AccessError only.
   */
  openShell(machine: MachineAccess, order: ShellOrder, listener: ShellListener): Promise<Shell>;
}

export interface ShellOrder {
  /** The account has to bear the mark of this allocation. */
  readonly allocationId: string;
  readonly accountName: string;
  readonly size: TerminalSize;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface ShellListener {
  output(data: Buffer): void;
  /** The shell takes input again after `write` was false. */
  drained(): void;
  /** Once, when the shell is gone; `exited` when it ended by itself, and the connection did not. */
  closed(exited: boolean): void;
}

export interface Shell {
  /** False when the machine does not keep up: wait until the listener is told before more is written. */
  write(data: Uint8Array): boolean;
  resize(size: TerminalSize): void;
  /** Stops and resumes the output; the machine is stopped as well then, after a bounded amount. */
  pause(): void;
  resume(): void;
  /** Ends the shell; `closed` follows. */
  close(): void;
}

export const ACCESS_FAILURES = [
  'unreachable',
  'not_allowed',
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
  'busy',
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
