import { Refusal } from '#core/domain/refusal.ts';

/** Where a page of a newest-first list ends: a time, and the key of the last entry, since several may be of one time. */
export interface PageEnd {
  readonly at: Date;
  /** Null: everything before that time. */
  readonly key: string | null;
}

/** @throws Refusal `invalid_request` unless it is a time, or what `pageEndText` made. */
export function readPageEnd(text: string): PageEnd {
  const [time = '', key = null] = text.split('~');
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) {
    throw new Refusal('invalid_request', 'before: a time like 2026-01-31T12:00:00Z, or the next of a page, is needed');
  }
  return { at, key };
}

export function pageEndText({ at, key }: { at: Date; key: string }): string {
  return `${at.toISOString()}~${key}`;
}
