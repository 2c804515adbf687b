import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import type { Registry } from 'prom-client';
import type { RouteName } from '#contract/routes.ts';
import type { Accounts } from '#core/accounts/accounts.ts';
import type { Pool } from '#core/pool/pool.ts';
import type { Caller } from './authenticate.ts';

export interface ApiDeps {
  readonly pool: Pool;
  readonly accounts: Accounts;
  readonly clock: () => Date;
  /** What is not ready; empty when all is well. */
  readonly readiness: () => Promise<string[]>;
  readonly registry: Registry;
  readonly logger: FastifyBaseLogger;
  /** Null: metrics are answered to callers on loopback only. */
  readonly metricsToken: string | null;
  readonly trustedProxies: readonly string[];
}

/** One request: who calls (null where anyone may), and when. */
export interface Call {
  readonly caller: Caller;
  readonly now: Date;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

export type Handler = (call: Call) => Promise<unknown>;
export type Handlers = Partial<Record<RouteName, Handler>>;
