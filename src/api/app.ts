import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import fastify, { type FastifyInstance, type FastifyRequest, LogController } from 'fastify';
import { type RouteName, routes } from '#contract/routes.ts';
import { Failure } from '#contract/schemas.ts';
import { authenticate, type Caller } from './authenticate.ts';
import { answerError } from './errors.ts';
import { followEvents } from './events.ts';
import type { ApiDeps, Handler, Handlers } from './handler.ts';
import { measureRequests } from './http-metrics.ts';
import { auditHandlers } from './routes/audit.ts';
import { machineHandlers } from './routes/machines.ts';
import { reservationHandlers } from './routes/reservations.ts';
import { signInHandlers } from './routes/sign-in.ts';
import { userHandlers } from './routes/users.ts';
import { compileValidator } from './validation.ts';

const BODY_LIMIT = 1024 * 1024;
/** Requests of one address per minute: far above what people and scripts do, far below what hurts. */
const LOGIN_TRIES_PER_MINUTE = 30;

/**
 * The HTTP API. Every route comes from the contract's table with its permission; a handler without a route, or a route
 * without a handler, ends the start.
 */
export async function buildApp(deps: ApiDeps): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: deps.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT,
    trustProxy: deps.trustedProxies.length > 0 ? [...deps.trustedProxies] : false,
    requestIdHeader: false,
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && /^[\w-]{1,64}$/.test(given) ? given : randomUUID();
    },
    forceCloseConnections: 'idle',
    requestTimeout: 120_000,
    routerOptions: { maxParamLength: 256 },
  });
  const events = followEvents(deps.pool);
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
    events.close();
  });
  // A connection that is kept alive after the last answer would hold up the end.
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) reply.header('connection', 'close');
    done(null, payload);
  });
  // Bodies are JSON and nothing else.
  app.removeContentTypeParser('text/plain');
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]?.slice(0, 200);
    return reply.code(404).send({
      error: 'not_found',
      message: `there is no ${request.method} ${path}; GET /api/docs lists what there is`,
    });
  });
  app.setValidatorCompiler(compileValidator);

  await app.register(helmet, { contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } });
  await app.register(rateLimit, { global: false });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Berth', description: 'Reserve machines from a shared pool.', version: '1' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    },
  });
  await app.register(swaggerUi, { routePrefix: '/api/docs', staticCSP: true });
  measureRequests(app, deps.registry);
  logRequests(app);

  const handlers: Handlers = {
    ...healthHandlers(deps),
    ...signInHandlers(deps),
    ...userHandlers(deps),
    ...machineHandlers(deps),
    ...reservationHandlers(deps),
    ...auditHandlers(deps, events),
  };
  for (const name of Object.keys(routes) as RouteName[]) addRoute(app, deps, name, handlers[name]);
  addPlainRoutes(app, deps);
  await app.ready();
  return app;
}

function addRoute(app: FastifyInstance, deps: ApiDeps, name: RouteName, handler: Handler | undefined): void {
  const { method, path, access, summary, response, ...parts } = routes[name] as (typeof routes)[RouteName] & {
    params?: object;
    querystring?: object;
    body?: object;
  };
  if (!handler) throw new Error(`route ${name} has no handler`);
  if (!['anyone', 'user', 'admin'].includes(access)) throw new Error(`route ${name} has no permission`);
  app.route({
    method,
    url: path,
    schema: {
      operationId: name,
      summary,
      ...parts,
      response: { '4xx': Failure, '5xx': Failure, ...response },
      ...(access !== 'anyone' && { security: [{ token: [] }] }),
    },
    ...(name === 'login' && { config: { rateLimit: { max: LOGIN_TRIES_PER_MINUTE, timeWindow: '1 minute' } } }),
    // Before the body is read and checked: a stranger learns nothing about what a route takes.
    onRequest: async (request, reply) => {
      reply.header('cache-control', 'no-store');
      if (access !== 'anyone') callers.set(request, await authenticate(deps.accounts, request, access, deps.clock()));
    },
    handler: (request, reply) => handler({ caller: callers.get(request) as Caller, now: deps.clock(), request, reply }),
  });
}

/** Who was found to make a request. */
const callers = new WeakMap<FastifyRequest, Caller>();

function healthHandlers(deps: ApiDeps): Handlers {
  return {
    health: async () => ({ status: 'ok' }),
    ready: async ({ reply }) => {
      const problems = await deps.readiness();
      return reply
        .code(problems.length === 0 ? 200 : 503)
        .send({ status: problems.length === 0 ? 'ok' : 'not ready', problems });
    },
  };
}

/** Answers that are no JSON of the contract. */
function addPlainRoutes(app: FastifyInstance, deps: ApiDeps): void {
  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    if (!mayReadMetrics(deps, request)) {
      return reply
        .code(401)
        .send({ error: 'unauthorized', message: 'send the token of METRICS_TOKEN as a bearer token' });
    }
    return reply.type(deps.registry.contentType).send(await deps.registry.metrics());
  });
}

function mayReadMetrics(deps: ApiDeps, request: FastifyRequest): boolean {
  if (deps.metricsToken === null) {
    const peer = request.socket.remoteAddress ?? '';
    return /^(::ffff:)?127\.|^::1$/.test(peer) && request.headers['x-forwarded-for'] === undefined;
  }
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(request.headers.authorization ?? ''), digest(`Bearer ${deps.metricsToken}`));
}

/** One line per request, without query and body: they may hold secrets. */
function logRequests(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    request.log.info(
      {
        method: request.method,
        path: request.url.split('?')[0]?.slice(0, 300),
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        user: callers.get(request)?.name,
        address: request.ip,
      },
      'request',
    );
    done();
  });
}
