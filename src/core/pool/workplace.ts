import type { AccessDriver } from '#core/access/driver.ts';
import type { Store } from '#core/store/store.ts';
import type { Background } from './background.ts';

/** What the verbs of the pool work with. */
export interface Workplace {
  readonly store: Store;
  readonly driver: AccessDriver;
  /** For work that goes on by itself (leases, retries). A verb that is called with a time uses that one. */
  readonly clock: () => Date;
  /** Names this process in leases. */
  readonly workerId: string;
  /** Work that goes on after a verb has answered. */
  readonly background: Background;
  readonly passwords: AccountPasswords;
  readonly log: WorkLog;
  /** How long the audit log is kept; null or left out: for good. */
  readonly auditRetentionDays?: number | null;
  /** How often each machine is looked through; 0 for never by itself, 24 when left out. */
  readonly verifyEveryHours?: number;
  /** Terminals of this process on an allocation go as soon as it is to be cleaned. */
  readonly closeTerminals?: (allocationId: string) => void;
  /** Why a machine at this host would never be connected to, as far as the host tells by itself. */
  readonly hostRefusal?: (host: string) => string | null;
}

interface AccountPasswords {
  make(): string;
  /** SHA-512 crypt (`$6$`). */
  hash(password: string): Promise<string>;
}

export interface WorkLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** How long a worker may be silent before another takes over what it did. */
export const LEASE_MS = 15_000;
/** How often a worker says that it is still at it. */
const RENEWAL_MS = 5_000;

/**
 * Does `work` while `renew` keeps its lease alive. A renewal that fails is no harm: another worker may then repeat what
 * this one does.
 */
export async function underLease<T>(
  place: Workplace,
  renew: (until: Date) => Promise<void>,
  work: () => Promise<T>,
): Promise<T> {
  const renewal = setInterval(() => {
    renew(new Date(place.clock().getTime() + LEASE_MS)).catch(() => undefined);
  }, RENEWAL_MS);
  try {
    return await work();
  } finally {
    clearInterval(renewal);
  }
}
