import type { FastifyRequest } from 'fastify';
import { Refusal } from '#core/domain/refusal.ts';

/**
 * Keeps pages of other sites from opening a WebSocket here: browsers let any page do so, and tell its origin. Programs tell
 * none, and have no cookies either.
 * @throws Refusal `forbidden`.
 */
export function checkSameOrigin({ headers, host }: FastifyRequest): void {
  const { origin, cookie } = headers;
  if (origin === undefined && cookie === undefined) return;
  // Also for `null`, the origin of a page that hides its own.
  if (origin === undefined || !URL.canParse(origin) || new URL(origin).host !== host.toLowerCase()) {
    throw new Refusal('forbidden', 'Origin: a terminal is opened only from the page of this very server');
  }
}
