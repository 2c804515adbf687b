import { Refusal } from '#core/domain/refusal.ts';

/** @throws Refusal `invalid_request` for what has the form of a time, and is none. */
export function timeOf(field: string, text: string): Date {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) {
    throw new Refusal('invalid_request', `${field}: a time like 2026-01-31T12:00:00Z is needed`);
  }
  return at;
}
