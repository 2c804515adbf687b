import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import cookie from '@fastify/cookie';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import websocket from '@fastify/websocket';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { WebSocket } from 'ws';
import { routes } from '#contract/routes.ts';
import { Refusal } from '#core/domain/refusal.ts';
import { addRoutes, methodsOf, refuseUnknownRoutes } from './add-routes.ts';
import { answerBrokenRequest, answerError } from './errors.ts';
import { followEvents } from './events.ts';
import type { ApiDeps, Handlers } from './handler.ts';
import { measureRequests } from './http-metrics.ts';
import { mayReadMetrics } from './metrics-access.ts';
import { logRequests, pathOf } from './request-log.ts';
import { apiTokenHandlers } from './routes/api-tokens.ts';
import { auditHandlers } from './routes/audit.ts';
import { limitHandlers } from './routes/limits.ts';
import { machineHandlers } from './routes/machines.ts';
import { oidcHandlers } from './routes/oidc.ts';
import { profileHandlers } from './routes/profile.ts';
import { reservationHandlers } from './routes/reservations.ts';
import { secondFactorHandlers } from './routes/second-factor.ts';
import { sessionHandlers } from './routes/sessions.ts';
import { signInHandlers } from './routes/sign-in.ts';
import { terminalHandlers } from './routes/terminal.ts';
import { userHandlers } from './routes/users.ts';
import { servePage } from './serve-page.ts';
import { addStrictHeaders, OWN_FILES_ONLY, STRICT_HEADERS } from './strict-headers.ts';
import { createTerminalSockets, LONGEST_FRAME_BYTES } from './terminal-socket.ts';
import { compileValidator } from './validation.ts';

/** RFC 6455: come back later. */
const RESTARTING = 1012;
const GOODBYE_LIMIT_MS = 500;
const BODY_LIMIT = 1024 * 1024;
/** Of the head of a request, in bytes. */
const HEAD_LIMIT = 16 * 1024;
/** Of one part of a path, in characters. */
const LONGEST_PART = 256;
/** For the head of a request to arrive, and for all of it, in milliseconds. */
const HEAD_LIMIT_MS = 10_000;
const REQUEST_LIMIT_MS = 30_000;
/** How often slow connections are looked for, in milliseconds: so much later they are cut off at the latest. */
const LOOK_EVERY_MS = 2_000;
/** A connection on which nothing moves any more, e.g. because an answer is not read; longer than any answer takes. */
const SILENCE_LIMIT_MS = 300_000;
/** Of one process; more are closed at once, before the files that it may have open run out. */
const MOST_CONNECTIONS = 5_000;
/** Requests in work at the same time, event streams included; beyond it a quick no is better than a long wait. */
const MOST_AT_ONCE = 2_000;
/** Requests in work on one connection; no browser or proxy asks for the next thing before it has the last one. */
const MOST_ON_CONNECTION = 32;
/** Answered however much is going on. */
const HEALTH: ReadonlySet<string> = new Set([routes.health.path, routes.ready.path]);

/**
 * The HTTP API. Every route comes from the contract's table with its permission; a handler without a route, or a route
 * without a handler, ends the start with an Error.
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
    return503OnClosing: false,
    http: { headersTimeout: HEAD_LIMIT_MS, connectionsCheckingInterval: LOOK_EVERY_MS, maxHeaderSize: HEAD_LIMIT },
    requestTimeout: REQUEST_LIMIT_MS,
    connectionTimeout: SILENCE_LIMIT_MS,
    routerOptions: { maxParamLength: LONGEST_PART },
    frameworkErrors: (error, request, reply) => {
      // No hook sees such a request, so nobody else ends the connection of one that asked for an upgrade.
      reply.raw.once('finish', () => {
        if (request.raw.headers.upgrade !== undefined) request.raw.socket.destroySoon();
      });
      return answerError(error, request, reply.headers(STRICT_HEADERS));
    },
    clientErrorHandler: answerBrokenRequest,
  });
  app.server.maxConnections = MOST_CONNECTIONS;
  const events = followEvents(deps.pool);
  // Bodies are JSON and nothing else.
  app.removeContentTypeParser('text/plain');
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(answerUnknown);
  app.setValidatorCompiler(compileValidator);
  // First of all: only then does it take care of each upgrade, refused ones included.
  await app.register(websocket, {
    options: { maxPayload: LONGEST_FRAME_BYTES, maxFragments: 64, maxBufferedChunks: 4_096, perMessageDeflate: false },
    // A frame that is too long or broken: the socket is closed, and there is nothing to log.
    errorHandler: (_error, socket) => socket.terminate(),
    preClose: (done) => {
      endSockets(app.websocketServer.clients);
      done();
    },
  });
  refuseUnknownRoutes(app);
  addStrictHeaders(app);
  measureRequests(app, deps.registry);
  logRequests(app);
  guardDoor(app, () => events.close());

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Berth', description: 'Reserve machines from a shared pool.', version: '1' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    },
  });
  await app.register(swaggerUi, {
    routePrefix: '/api/docs',
    staticCSP: OWN_FILES_ONLY,
    uiConfig: { validatorUrl: null },
  });

  // Without its hook nothing is read from any request: the routes of sessions ask for it themselves.
  await app.register(cookie, { hook: false });

  const handlers: Handlers = {
    ...healthHandlers(deps),
    ...signInHandlers(deps),
    ...sessionHandlers(deps),
    ...oidcHandlers(deps),
    ...profileHandlers(deps),
    ...secondFactorHandlers(deps),
    ...apiTokenHandlers(deps),
    ...userHandlers(deps),
    ...limitHandlers(deps),
    ...machineHandlers(deps),
    ...reservationHandlers(deps),
    ...terminalHandlers(deps),
    ...auditHandlers(deps, events),
  };
  addRoutes(app, deps, handlers, { terminal: createTerminalSockets(deps.terminals, deps.clock) });
  addPlainRoutes(app, deps);
  if (deps.pageFolder !== undefined) await servePage(app, deps.pageFolder);
  await app.ready();
  return app;
}

/** What holds for every request, before anything else looks at it. */
function guardDoor(app: FastifyInstance, onClose: () => void): void {
  let closing = false;
  let inWork = 0;
  const connections = new WeakMap<Socket, Set<FastifyRequest>>();
  app.addHook('preClose', async () => {
    closing = true;
    onClose();
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    if (closing) done(new Refusal('unavailable', 'the server is closing; ask again'));
    else done();
  });
  // Counted only once a request has arrived whole: who holds back a body keeps nobody else out.
  app.addHook('preHandler', (request, reply, done) => {
    // Terminals are bounded by themselves.
    if (request.ws) return done();
    const { socket } = request.raw;
    // Nothing is heard of an answer that waits behind others when its connection ends, so that is listened for as well.
    const onConnection = connections.get(socket) ?? new Set();
    if (onConnection.size === 0 && !connections.has(socket)) {
      connections.set(socket, onConnection);
      socket.once('close', () => {
        inWork -= onConnection.size;
        onConnection.clear();
      });
    }
    if (onConnection.size >= MOST_ON_CONNECTION) return void socket.destroy();
    onConnection.add(request);
    inWork += 1;
    reply.raw.once('close', () => {
      if (onConnection.delete(request)) inWork -= 1;
    });
    if (inWork > MOST_AT_ONCE && !HEALTH.has(request.url)) {
      done(new Refusal('unavailable', 'too much is going on; ask again'));
    } else done();
  });
  // A connection that is kept alive after the last answer would hold up the end.
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) reply.header('connection', 'close');
    done(null, payload);
  });
}

/** Pages come back by themselves, to a server that goes on; who does not say goodbye is cut off. */
function endSockets(sockets: Iterable<WebSocket>): void {
  for (const socket of sockets) {
    socket.close(RESTARTING);
    setTimeout(() => socket.terminate(), GOODBYE_LIMIT_MS).unref();
  }
}

async function answerUnknown({ method, url }: FastifyRequest, reply: FastifyReply): Promise<object> {
  const path = pathOf(url);
  const methods = methodsOf(path);
  if (methods.includes(method)) {
    reply.code(414);
    return { error: 'invalid_request', message: `path: at most ${LONGEST_PART} characters are taken between slashes` };
  }
  if (methods.length > 0) {
    reply.code(405).header('allow', methods.join(', '));
    return { error: 'invalid_request', message: `${path} takes ${methods.join(', ')}, not ${method}` };
  }
  reply.code(404);
  return { error: 'not_found', message: `there is no ${method} ${path}; GET /api/docs lists what there is` };
}

function healthHandlers(deps: ApiDeps) {
  return {
    health: async () => ({ status: 'ok' }),
    async ready({ reply }) {
      const problems = await deps.readiness();
      if (problems.length > 0) reply.code(503);
      return { status: problems.length === 0 ? 'ok' : 'not ready', problems };
    },
  } satisfies Partial<Handlers>;
}

/** Answers that are no JSON of the contract. */
function addPlainRoutes(app: FastifyInstance, deps: ApiDeps): void {
  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    if (!mayReadMetrics(deps, request)) {
      throw new Refusal('unauthorized', 'set METRICS_TOKEN, and send it as a bearer token');
    }
    return reply.type(deps.registry.contentType).send(await deps.registry.metrics());
  });
}
