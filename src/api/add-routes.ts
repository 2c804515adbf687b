import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { type Access, type NeededScope, type Route, type RouteName, routes } from '#contract/routes.ts';
import { Failure } from '#contract/schemas.ts';
import { authenticate, type Caller } from './authenticate.ts';
import type { ApiDeps, Call, Handler, Handlers } from './handler.ts';
import { checkSameOrigin } from './same-origin.ts';

/** What is served beside the contract, to anyone or with a check of its own. */
const BESIDE_THE_CONTRACT = /^(\/\*|\/api\/docs(\/.*)?|\/api\/openapi\.json|\/metrics)$/;

/** GET routes that change something or never end: a HEAD request, which must do neither, is not for them. */
const NO_HEAD: ReadonlySet<RouteName> = new Set<RouteName>([
  'reserve',
  'releaseAll',
  'events',
  'terminal',
  'startOidc',
  'finishOidc',
]);

const ACCESSES: ReadonlySet<Access> = new Set(['anyone', 'user', 'admin']);
const SCOPES: ReadonlySet<NeededScope> = new Set(['read', 'reserve', 'machines', 'admin', 'any', 'none']);

type SocketHandler = (socket: WebSocket, request: FastifyRequest) => void;
/** What serves the sockets of the routes that have them. */
type Sockets = { readonly [N in RouteName]?: SocketHandler };

const SCOPE_WORDS: Partial<Record<NeededScope, string>> = {
  any: 'Every API token may do this.',
  none: 'No API token may do this.',
};

/** Who was found to make a request. */
const callers = new WeakMap<FastifyRequest, Caller>();

export function callerOf(request: FastifyRequest): Caller | undefined {
  return callers.get(request);
}

/** From here on, adding a route that the contract does not name, and so has no permission, throws. */
export function refuseUnknownRoutes(app: FastifyInstance): void {
  const known = new Set(Object.values(routes).map(({ method, path }) => `${method} ${path}`));
  app.addHook('onRoute', ({ method, url }) => {
    if (BESIDE_THE_CONTRACT.test(url)) return;
    for (const one of [method].flat()) {
      // Fastify adds the HEAD route of a GET route by itself, with the same checks.
      const asked = one === 'HEAD' ? 'GET' : one;
      if (!known.has(`${asked} ${url}`)) throw new Error(`route ${one} ${url} has no entry in the contract`);
    }
  });
}

/**
 * Adds all routes of the contract, each with its permission.
 * @throws Error when one has no handler or no permission.
 */
export function addRoutes(app: FastifyInstance, deps: ApiDeps, handlers: Handlers, sockets: Sockets): void {
  for (const name of Object.keys(routes) as RouteName[]) {
    const handler = handlers[name] as Handler<RouteName> | undefined;
    if (!handler) throw new Error(`route ${name} has no handler`);
    addRoute(app, deps, name, handler, sockets[name]);
  }
}

function addRoute(
  app: FastifyInstance,
  deps: ApiDeps,
  name: RouteName,
  handler: Handler<RouteName>,
  serveSocket: SocketHandler | undefined,
): void {
  const { method, path, access, scope, response, socket, summary, ...schema } = routes[name] as Route;
  // The types demand both; what gets past them must not become a route that anyone may call.
  if (!ACCESSES.has(access) || !SCOPES.has(scope)) throw new Error(`route ${name} has no permission`);
  const identify = async (request: FastifyRequest): Promise<void> => {
    if (access === 'anyone') return;
    callers.set(request, await authenticate(deps.accounts, request, { access, scope }, deps.clock()));
  };
  app.route({
    method,
    url: path,
    exposeHeadRoute: method === 'GET' && !NO_HEAD.has(name),
    schema: {
      operationId: name,
      summary,
      ...(access !== 'anyone' && { description: SCOPE_WORDS[scope] ?? `An API token needs the scope \`${scope}\`.` }),
      ...schema,
      response: { '4xx': Failure, '5xx': Failure, ...response },
      ...(access !== 'anyone' && { security: [{ token: [] }] }),
    },
    // Before the body is read and checked: a stranger learns nothing about what a route takes.
    ...(access !== 'anyone' && {
      onRequest: identify,
      // A body may have been held back for long: what was true before it came is looked at again.
      ...(schema.body && { preHandler: identify }),
    }),
    ...(socket &&
      serveSocket && {
        onRequest: async (request: FastifyRequest) => checkSameOrigin(request),
        wsHandler: (opened: WebSocket, request: FastifyRequest) => serveSocket(opened, request),
      }),
    handler: (request, reply) =>
      handler({
        caller: callers.get(request) ?? null,
        now: deps.clock(),
        params: request.params,
        query: request.query,
        headers: request.headers,
        body: request.body,
        request,
        reply,
        // The schemas of this very route have been checked by now.
      } as unknown as Call<RouteName>),
  });
}

const patterns = Object.values(routes).map(({ method, path }) => ({
  method,
  pattern: new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`),
}));

/** The methods that a path of the contract has; none for an unknown path. */
export function methodsOf(path: string): string[] {
  return [...new Set(patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))];
}
