/**
 * An expected "no". Thrown, so that it always rolls back the transaction it leaves.
 * `message` is written for the person who asked; `details` are extra facts for programs (never secrets).
 */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly details: Record<string, unknown>;

  constructor(code: RefusalCode, message: string, details: Record<string, unknown> = {}) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
    this.details = details;
  }
}

/** Every reason why Berth may say no. `api/errors.ts` maps each one to an HTTP status. */
export const REFUSAL_CODES = [
  'invalid_request',
  'invalid_grant',
  'wrong_password',
  'wrong_code',
  'second_factor_needed',
  'unauthorized',
  'forbidden',
  'not_found',
  'conflict',
  'not_enough_machines',
  'limit_reached',
  'account_name_refused',
  'preparation_failed',
  'reservation_over',
  'still_in_use',
  'last_admin',
  'idempotency_key_reused',
  'too_many_requests',
  'unavailable',
] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];
