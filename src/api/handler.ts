import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import type { Registry } from 'prom-client';
import type { Answer, Part, RouteName, routes } from '#contract/routes.ts';
import type { Accounts } from '#core/accounts/accounts.ts';
import type { Pool } from '#core/pool/pool.ts';
import type { Terminals } from '#core/pool/terminals.ts';
import type { Caller } from './authenticate.ts';

export interface ApiDeps {
  readonly pool: Pool;
  readonly accounts: Accounts;
  readonly terminals: Terminals;
  readonly clock: () => Date;
  /** What is not ready; empty when all is well. */
  readonly readiness: () => Promise<string[]>;
  readonly registry: Registry;
  readonly logger: FastifyBaseLogger;
  /** Null: metrics are answered to callers on loopback only. */
  readonly metricsToken: string | null;
  readonly trustedProxies: readonly string[];
  /** Where the built web page is, if this process serves it. */
  readonly pageFolder?: string;
}

/** One request to a route: who calls (null where anyone may), when, and what the contract says that it brings. */
export interface Call<N extends RouteName> {
  readonly caller: (typeof routes)[N]['access'] extends 'anyone' ? null : Caller;
  readonly now: Date;
  readonly params: Part<N, 'params'>;
  readonly query: Part<N, 'querystring'>;
  readonly headers: Part<N, 'headers'>;
  readonly body: Part<N, 'body'>;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** Answers the body; a status other than 200 is set on the reply. */
export type Handler<N extends RouteName> = (call: Call<N>) => Promise<Answer<N>>;
export type Handlers = { readonly [N in RouteName]: Handler<N> };
