import { createHash, createHmac, randomBytes } from 'node:crypto';

/** `session id . secret`: the id finds the session, and only digests of the whole are stored. */
const FORM = /^([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\.[A-Za-z0-9_-]{43}$/;

export function firstRefreshToken(sessionId: string): string {
  return `${sessionId}.${randomBytes(32).toString('base64url')}`;
}

/**
 * The token that follows. It is the same each time: of two tabs that use one token at the same moment both get the same
 * next one, and so does a caller whose first answer was lost. Without the key nobody can tell it, with the token or without.
 */
export function nextRefreshToken(token: string, key: Uint8Array): string {
  const secret = createHmac('sha256', key).update('berth refresh token').update(token).digest('base64url');
  return `${sessionIdOf(token)}.${secret}`;
}

/** Null when it is no refresh token at all. */
export function sessionIdOf(token: string): string | null {
  return FORM.exec(token)?.[1] ?? null;
}

/** What is stored of a token. It has 256 random bits, so one round of SHA-256 is enough. */
export function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
