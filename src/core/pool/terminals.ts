import type { TerminalSize } from '#core/access/driver.ts';
import type { Actor } from '#core/domain/actor.ts';

/** Shells in the accounts of reservations, shown in a browser. */
export interface Terminals {
  readonly enabled: boolean;
  /**
   * A ticket for one terminal on one machine of the caller's own active reservation. It is good once, for 30 s, on every
   * replica. Refusals: forbidden (switched off), not_found (also for a foreign reservation), conflict (still being
   * prepared), reservation_over, too_many_requests.
   */
  issueTicket(caller: TicketCaller, reservationId: string, machine: string, now: Date): Promise<Ticket>;
  /**
   * Opens the shell that a ticket is for, or goes on with an earlier one of this process. What the shell prints goes to the
   * viewer from then on, after `opened`. Refusals: invalid_grant (the ticket), reservation_over, too_many_requests,
   * forbidden; AccessError when the machine cannot be used.
   */
  open(request: TerminalRequest, viewer: Viewer, now: Date): Promise<TerminalHandle>;
  /** Ends all shells on an allocation at once, because its reservation ends. */
  endOf(allocationId: string): void;
  /** Ends all shells of this process. */
  close(): Promise<void>;
}

/** Who asks, and what they are signed in by: the shell ends when that ends. */
export type TicketCaller = Actor & { kind: 'user'; readonly sessionId: string | null; readonly tokenVersion: number };

interface Ticket {
  readonly ticket: string;
  readonly expiresInSeconds: number;
}

interface TerminalRequest {
  readonly ticket: string;
  readonly size: TerminalSize;
  /** The id of a shell whose viewer was lost. */
  readonly resume: string | null;
  /** Where it is asked from. */
  readonly address?: string;
}

/** Who looks at a shell. */
export interface Viewer {
  opened(shellId: string, resumed: boolean): void;
  output(data: Uint8Array): void;
  /** Bytes of output that wait to be sent. */
  unsent(): number;
  /** Whether input is to be held back, because the machine does not take it. */
  holdInput(hold: boolean): void;
  /** There will be nothing more; null when it is worth to open another one at once. */
  closed(reason: ClosedReason | null): void;
}

export type ClosedReason = 'ended' | 'exit' | 'lost' | 'signed_out' | 'taken_over';

/** What a viewer can do with its shell. */
export interface TerminalHandle {
  input(data: Uint8Array): void;
  resize(size: TerminalSize): void;
  /** The viewer is gone; the shell stays for two minutes. */
  detach(): void;
  /** The shell is not wanted any more. */
  close(): void;
}
