import { createHmac, timingSafeEqual } from 'node:crypto';

/** An audit row as the chain vouches for it: all of its columns, as the database holds them. */
export interface AuditContent {
  readonly id: number;
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  /** JSON text. */
  readonly details: string;
  readonly address: string | null;
  readonly session_id: string | null;
  readonly api_token: string | null;
}

/** A place in the chain: the number of its last entry and that entry's hash. */
export interface ChainPoint {
  readonly seq: number;
  readonly hash: string;
}

/** Before the first entry. */
export const CHAIN_START: ChainPoint = { seq: 0, hash: '0'.repeat(64) };

/** HMAC-SHA256 in hex of an entry of the chain: its number, the time it was sealed, the audit row, and the hash before it. */
export function hashOf(key: Buffer, previous: string, seq: number, sealedAt: number, row: AuditContent): string {
  const { id, at, actor, action, subject, details, address, session_id, api_token } = row;
  const text = JSON.stringify([
    ...[previous, seq, sealedAt],
    ...[id, at, actor, action, subject, details, address, session_id, api_token],
  ]);
  return createHmac('sha256', key).update(text).digest('hex');
}

/** Vouches for the head or the anchor of the chain, which stand beside it. */
export function macOf(key: Buffer, what: 'head' | 'anchor', { seq, hash }: ChainPoint): string {
  return createHmac('sha256', key)
    .update(JSON.stringify([what, seq, hash]))
    .digest('hex');
}

export function sameHash(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
