import type { CallFailure } from '#contract/client.ts';

/** Exit codes of `berth`. Scripts rely on them: a code is never given another meaning. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notAllowed: 3,
  notEnoughMachines: 4,
  unreachable: 5,
  notFound: 6,
  conflict: 7,
  interrupted: 130,
} as const;

/** Ends the command with a message, an exit code, and what the person can do next. */
export class CliError extends Error {
  readonly exitCode: number;
  readonly next: string | null;
  /** Stable word for programs. */
  readonly code: string;

  constructor(code: string, exitCode: number, message: string, next: string | null = null) {
    super(message);
    this.name = 'CliError';
    this.code = code;
    this.exitCode = exitCode;
    this.next = next;
  }
}

/** A wrong option or value. */
export const usage = (message: string, next: string | null = null): CliError =>
  new CliError('usage', EXIT.usage, message, next);

const OF_SERVER: Readonly<Record<string, readonly [exitCode: number, next: string | null]>> = {
  invalid_request: [EXIT.usage, null],
  account_name_refused: [EXIT.usage, null],
  invalid_grant: [EXIT.notAllowed, null],
  unauthorized: [EXIT.notAllowed, 'Sign in again: berth login'],
  forbidden: [EXIT.notAllowed, 'berth whoami shows who you are; berth login --user NAME signs in as somebody else.'],
  not_enough_machines: [EXIT.notEnoughMachines, 'See what is free: berth available'],
  limit_reached: [EXIT.conflict, 'See what you may have: berth limits'],
  not_found: [EXIT.notFound, null],
  conflict: [EXIT.conflict, null],
  still_in_use: [EXIT.conflict, null],
  reservation_over: [EXIT.conflict, 'See what you have: berth list'],
  last_admin: [EXIT.conflict, null],
  idempotency_key_reused: [EXIT.conflict, null],
  unavailable: [EXIT.unreachable, 'Try again in a moment.'],
};

/** What a thrown thing means for the person and for the exit code. */
export function explain(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (isCallFailure(error)) {
    const [exitCode, next] = OF_SERVER[error.error] ?? [EXIT.failed, null];
    return new CliError(error.error, exitCode, error.message, next);
  }
  const message = error instanceof Error ? error.message : String(error);
  return new CliError('failed', EXIT.failed, message);
}

/** By its name: the client, with the whole contract, is loaded by those commands only that call the server. */
function isCallFailure(error: unknown): error is CallFailure {
  return error instanceof Error && error.name === 'CallFailure';
}
