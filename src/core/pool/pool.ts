import type { RemovalReport } from '#core/access/driver.ts';
import type { Actor, Origin } from '#core/domain/actor.ts';
import type { Finding } from '#core/domain/finding.ts';
import type { Credential, MachineState } from '#core/domain/machine.ts';
import type { AllocationState, EndReason, ReservationState } from '#core/domain/reservation.ts';
import type { PoolLimits } from './limits.ts';

/**
 * Everything that can be done to the pool. Both doors, HTTP and time, call these verbs. Times are arguments: a verb takes
 * `now` once and hands it down. What a caller may not have is thrown as a `Refusal`.
 */
export interface Pool {
  readonly limits: PoolLimits;

  /** Adds a machine in state `checking`; a first probe follows at once. Refusals: invalid_request, conflict (name, or host and port). */
  registerMachine(actor: Actor, machine: MachineToRegister, now: Date): Promise<MachineView>;
  /**
   * Changes what is given and not so already; `changed` names it. Refusals: not_found, conflict, invalid_request. A changed
   * address, credential or accepted key leads to a new probe.
   */
  updateMachine(
    actor: Actor,
    name: string,
    changes: MachineChanges,
    now: Date,
  ): Promise<MachineView & { readonly changed: readonly (keyof MachineChanges)[] }>;
  /** Refusals: not_found, still_in_use (reserved or not clean). */
  deleteMachine(actor: Actor, name: string, now: Date): Promise<void>;
  /**
   * Compares a machine with what Berth knows: accounts, keys, the fence, and what accounts that are gone have left. A machine
   * with dirt is kept from being lent; with `repair` what bears Berth's mark and belongs to no open reservation is taken away, and a
   * missing account made again. Foreign accounts are never touched. Refusals: forbidden, not_found, unavailable (it cannot be
   * reached), conflict (changed meanwhile), still_in_use (a repair while somebody is on it).
   */
  verifyMachine(actor: Actor, name: string, repair: boolean): Promise<Verification>;
  /** All machines, by name. */
  listMachines(): Promise<MachineView[]>;
  /** Refusals: not_found. */
  getMachine(name: string): Promise<MachineView>;
  /** Names of all machines by what can be had of them, each list by name. */
  available(): Promise<Availability>;

  /**
   * Claims the machines in one transaction and starts to prepare them. The answer comes as soon as the claim is kept for
   * good; `settled` resolves when the reservation is active, or rejects with the refusal that ended it. (A rejection of
   * `settled` is always handled inside as well, so a caller may drop it.)
   * Refusals: invalid_request, account_name_refused, forbidden (foreign account name), not_enough_machines {asked, free}, limit_reached,
   * idempotency_key_reused.
   * Refusals of `settled`: preparation_failed, not_enough_machines, reservation_over.
   */
  reserve(actor: Actor, request: ReserveRequest, now: Date): Promise<ReserveAnswer>;
  /**
   * Moves the end by `minutes` (negative shortens, but not below now). Refusals: not_found, forbidden, reservation_over,
   * invalid_request, limit_reached (of the holder, also when an admin asks).
   */
  extend(actor: Actor, id: string, minutes: number, now: Date): Promise<ReservationView>;
  /** Ends a reservation, or one machine of it, now. On one that is over already it changes nothing. Refusals: not_found, forbidden. */
  release(actor: Actor, id: string, now: Date, machine?: string): Promise<ReservationView>;
  /** Ends every reservation that is not over. Answers how many. Refusals: forbidden. */
  releaseAll(actor: Actor, now: Date): Promise<number>;
  /** Ends every reservation of a user and answers how many; the cleaning goes on by itself. */
  endAllOf(actor: Actor, username: string, now: Date): Promise<number>;
  /**
   * Ends every reservation of a user and waits, at most `waitMs`, until their machines are proven clean.
   * Refusals: still_in_use, naming the machines that could not be cleaned yet.
   */
  releaseAllOf(actor: Actor, username: string, now: Date, waitMs: number): Promise<void>;
  /** Open reservations (preparing, active, ending), oldest end first. `holder` limits to one user. */
  listReservations(filter: { holder?: string }): Promise<ReservationView[]>;
  /** Reservations that are over, newest end first. `before` is the `next` of a page, or a time. Refusals: invalid_request. */
  listEnded(actor: Actor, filter: { mine: boolean; before?: string; limit: number }): Promise<EndedPage>;
  /** Refusals: not_found (also for a foreign reservation, unless the actor is an admin). */
  getReservation(actor: Actor, id: string): Promise<ReservationView & { readonly swapped: readonly Swap[] }>;
  /** Who held and holds which machine between two moments, at most 92 days apart. Refusals: invalid_request. */
  timeline(from: Date, to: Date, now: Date): Promise<Timeline>;
  /** What happened to a machine, newest first; also to one that is gone. Refusals: not_found, invalid_request. */
  machineHistory(name: string, page: { before?: string; limit: number }): Promise<HistoryPage>;

  /** Newest first. */
  listAudit(filter: AuditFilter): Promise<AuditEntry[]>;
  /** Entries of the audit log that the given point does not know yet, oldest first, for following what happens. */
  auditSince(point: AuditPoint): Promise<{ entries: AuditEntry[]; point: AuditPoint }>;
  auditEnd(): Promise<AuditPoint>;
  /** Counts for the metrics page. */
  stock(now: Date): Promise<Stock>;
}

export interface MachineToRegister {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly credential: Credential;
  readonly labels?: readonly string[];
  /** Host key to pin from the start, `algorithm base64`; without it the first contact pins. */
  readonly hostKey?: string;
}

export interface MachineChanges {
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly credential?: Credential;
  readonly labels?: readonly string[];
  readonly disabled?: boolean;
  /** Pins the key that the machine offered when it was quarantined; must be the fingerprint shown with it. */
  readonly acceptHostKey?: string;
}

export interface MachineView {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly labels: readonly string[];
  readonly state: MachineState;
  /** Why the machine is not ready, and what to do about it; null when all is well. */
  readonly reason: string | null;
  readonly mend: string | null;
  /** `SHA256:...` as ssh-keygen prints it; null before first contact. */
  readonly hostKeyFingerprint: string | null;
  readonly offeredHostKeyFingerprint: string | null;
  readonly operatingSystem: string | null;
  readonly probedAt: Date | null;
  /** The last look at the whole machine, and what was found then that ought not to be so. */
  readonly verifiedAt: Date | null;
  readonly findings: readonly Finding[];
  readonly createdAt: Date;
  /** The open allocation, if there is one. */
  readonly held: {
    readonly reservationId: string;
    readonly holder: string;
    readonly state: AllocationState;
    readonly until: Date;
  } | null;
}

/** What a look at a machine found. */
export interface Verification {
  readonly at: Date;
  /** What is so now, after a repair if there was one. */
  readonly findings: readonly Finding[];
  /** What was so before the repair. */
  readonly repaired: readonly Finding[];
  /** How many keys open the login that Berth uses; null when that cannot be told. */
  readonly loginKeys: number | null;
}

export interface Availability {
  readonly available: string[];
  readonly reserved: string[];
  readonly cleaning: string[];
  readonly unavailable: { name: string; reason: string }[];
}

export interface ReserveRequest {
  readonly count: number;
  readonly minutes: number;
  /** Without a password and keys a strong password is made. */
  readonly password?: string;
  readonly sshPublicKeys?: readonly string[];
  /** Linux account name; defaults to the actor's name. Only admins may name another. */
  readonly accountName?: string;
  /** Machines must bear all of these labels. */
  readonly labels?: readonly string[];
  /** Only these machines (by name) will do. */
  readonly machines?: readonly string[];
  /** Same actor, same key, same request within a day: the same reservation. */
  readonly idempotencyKey?: string;
}

export interface ReserveAnswer {
  readonly reservation: ReservationView;
  /** The password that was made for this reservation, shown this once; null when the caller gave one or keys, or for a replay. */
  readonly madePassword: string | null;
  readonly settled: Promise<ReservationView>;
}

export interface ReservationView {
  readonly id: string;
  readonly holder: string;
  readonly accountName: string;
  readonly state: ReservationState;
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly endedAt: Date | null;
  readonly endReason: EndReason | null;
  readonly machines: readonly AllocationView[];
}

/** A machine that failed while it was prepared, and was given up for another one. */
interface Swap {
  readonly at: Date;
  readonly machine: string;
  readonly reason: string;
}

export interface EndedPage {
  readonly reservations: readonly (ReservationView & { readonly mine: boolean })[];
  /** Null on the last page. */
  readonly next: string | null;
}

export interface Timeline {
  readonly machines: readonly { readonly name: string; readonly state: MachineState }[];
  /** Newest first. */
  readonly spans: readonly {
    readonly machine: string;
    readonly reservationId: string;
    readonly holder: string;
    readonly from: Date;
    /** When it was clean; the end of the reservation while it runs; now while it is being cleaned. */
    readonly to: Date;
    readonly cleaningSince: Date | null;
    readonly state: AllocationState;
  }[];
  /** Whether older ones were left out because there are too many. */
  readonly truncated: boolean;
}

export interface HistoryEntry {
  readonly at: Date;
  readonly action: string;
  readonly actor: string;
  /** Whose reservation it was about, if any. */
  readonly holder: string | null;
  readonly reservationId: string | null;
  readonly reason: string | null;
}

export interface HistoryPage {
  readonly entries: readonly HistoryEntry[];
  /** Null on the last page. */
  readonly next: string | null;
}

export interface AllocationView {
  readonly machine: string;
  readonly host: string;
  readonly port: number;
  /** The pinned key as `algorithm base64`, for a known_hosts line. */
  readonly hostKey: string | null;
  readonly state: AllocationState;
  /** When its account was there; null while it is being made. */
  readonly preparedAt: Date | null;
  /** Why cleaning has not succeeded yet, and when it is tried again. */
  readonly problem: string | null;
  readonly nextTryAt: Date | null;
  /** Cleanings that failed. */
  readonly tries: number;
  /** What the removal found and proved; null until cleaned. */
  readonly removal: RemovalView | null;
}

/** A removal that succeeded. Null where an older version, which did not ask for that, has done it. */
export interface RemovalView {
  readonly outcome: RemovalReport['outcome'];
  readonly uid: number | null;
  readonly processesEnded: number;
  readonly processesKilled: number | null;
  readonly sessionsEnded: number | null;
  readonly filesRemoved: number;
  readonly filesIn: RemovalReport['filesIn'] | null;
  readonly checked: RemovalReport['checked'];
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  /** The last, successful try included. */
  readonly tries: number | null;
}

interface AuditFilter {
  readonly actor?: string;
  readonly action?: string;
  readonly subject?: string;
  readonly address?: string;
  readonly sessionId?: string;
  readonly apiToken?: string;
  readonly from?: Date;
  readonly until?: Date;
  /** Entries older than this id. */
  readonly before?: number;
  readonly limit: number;
}

export interface AuditEntry {
  readonly id: number;
  readonly at: Date;
  readonly actor: string;
  /** `noun.verb`, e.g. `machine.registered`, `reservation.extended`. */
  readonly action: string;
  /** Machine name, reservation id or user name. */
  readonly subject: string;
  /** Never holds a secret. */
  readonly details: Record<string, unknown>;
  /** Where it came from; null for what Berth does by itself. */
  readonly origin: Origin | null;
}

/** How far a follower has read. */
export interface AuditPoint {
  readonly lastId: number;
  /** Ids below lastId that were seen lately: ids may become visible out of order. */
  readonly seen: ReadonlySet<number>;
}

export interface Stock {
  readonly machinesByState: Record<MachineState, number>;
  readonly machinesHeld: number;
  readonly reservationsByState: Record<'preparing' | 'active' | 'ending', number>;
  readonly machinesWithFindings: number;
  readonly cleaningBacklog: number;
  /** Of them, those that failed at least once. */
  readonly cleaningFailing: number;
  /** Age of the oldest allocation in cleaning, seconds; 0 when there is none. */
  readonly oldestCleaningSeconds: number;
  /** Age of the oldest audit row that is not in the chain yet, seconds; 0 when there is none. */
  readonly oldestUnsealedSeconds: number;
}
