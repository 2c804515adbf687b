import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';

/** What proxies say about whom they ask for. */
const FORWARDED = [
  'forwarded',
  'via',
  'x-real-ip',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
] as const;
const THIS_MACHINE = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

interface MetricsAccess {
  readonly metricsToken: string | null;
  readonly trustedProxies: readonly string[];
}

/**
 * With a token, whoever has it. Without one, programs on this machine that ask by themselves: where a proxy is set up
 * nobody is, since its requests come from this machine too, and a page that has its name lead here is not either.
 */
export function mayReadMetrics({ metricsToken, trustedProxies }: MetricsAccess, request: FastifyRequest): boolean {
  const { headers, socket } = request;
  if (metricsToken !== null) {
    const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
    return timingSafeEqual(digest(headers.authorization ?? ''), digest(`Bearer ${metricsToken}`));
  }
  return (
    trustedProxies.length === 0 &&
    /^(::ffff:)?127\.|^::1$/.test(socket.remoteAddress ?? '') &&
    THIS_MACHINE.test(headers.host ?? '') &&
    FORWARDED.every((name) => headers[name] === undefined)
  );
}
