import type { FastifyInstance } from 'fastify';

/** An answer of the API is data: a browser that shows it as a page loads and runs nothing, and puts it in no frame. */
const DATA_ONLY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/**
 * For pages: everything comes from here, no script and no style is written into them, and no other page may show them in a
 * frame. (`connect-src` falls back to `default-src`: the API, and the WebSocket of the terminal.)
 */
export const OWN_FILES_ONLY = [
  "default-src 'self'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'self'",
].join('; ');

/** On every answer; pages have another policy, and say how long they may be kept. */
export const STRICT_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': DATA_ONLY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'referrer-policy': 'no-referrer',
  // Browsers take it over HTTPS only.
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Puts them on all answers that routes and hooks make. */
export function addStrictHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(STRICT_HEADERS);
    done();
  });
}
