import type { FastifyInstance } from 'fastify';
import { callerOf } from './add-routes.ts';

/** One line per request, without query and body: they may hold secrets. */
export function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    request.log.info(
      {
        method: request.method,
        path: pathOf(request.url),
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        user: callerOf(request)?.name,
        address: request.ip,
      },
      'request',
    );
    done();
  });
}

const LONGEST_PATH = 300;

/** The path alone, also where the question mark before a query was written in an unusual way. */
export function pathOf(url: string): string {
  return (url.split(/[?#;]|%3f/i, 1)[0] as string).slice(0, LONGEST_PATH);
}
