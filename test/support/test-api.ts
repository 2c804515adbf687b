import { Writable } from 'node:stream';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import type { Accounts } from '#core/accounts/accounts.ts';
import { createAccounts } from '#core/accounts/create-accounts.ts';
import type { OidcSettings } from '#core/accounts/oidc/settings.ts';
import type { PasswordRules } from '#core/accounts/password-rules.ts';
import { buildApp } from '../../src/api/app.ts';
import { createFakeDriver } from './fake-driver.ts';
import { freshSqlite, LENIENT, openTestPool, type TestPool } from './test-pool.ts';

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field
  readonly body: any;
}

/** The API on a real core: SQLite in a folder of its own, machines in memory, and a clock that the test moves. */
export interface TestApi {
  readonly app: FastifyInstance;
  readonly core: TestPool;
  readonly accounts: Accounts;
  /** Everything that was logged. */
  log(): string;
  /** Signs in and answers the token. */
  token(username: string, password?: string): Promise<string>;
  call(
    token: string | null,
    method: string,
    url: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  /** All rows of the tables that a refused request must not change. */
  picture(): Promise<string>;
  close(): Promise<void>;
}

export const PASSWORD = 'a-password-for-tests';

interface TestApiOptions {
  readonly trustedProxies?: readonly string[];
  /** Whether terminals are switched on. */
  readonly terminal?: boolean;
  readonly pageFolder?: string;
  readonly passwordRules?: PasswordRules;
  readonly oidc?: OidcSettings;
}

export async function openTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const { trustedProxies = [], terminal = true, pageFolder, passwordRules = LENIENT, oidc } = options;
  let logged = '';
  const { database, remove } = freshSqlite();
  const core = await openTestPool(database, createFakeDriver(), false, terminal);
  const accounts = createAccounts(
    core.store,
    { secret: Buffer.alloc(32, 9), expiresMinutes: 60 },
    passwordRules,
    oidc
      ? {
          settings: oidc,
          onProblem: (facts) => {
            logged += JSON.stringify(facts);
          },
        }
      : null,
  );
  await accounts.seedAdmin('admin', PASSWORD, core.now());
  for (const username of ['alice', 'bob']) {
    await accounts.createUser(core.admin, { username, password: PASSWORD, role: 'user' }, core.now());
  }
  const sink = new Writable({
    write(chunk, _encoding, done) {
      logged += chunk;
      done();
    },
  });
  core.stillSignedIn = (proof) => accounts.stillSignedIn(proof);
  const app = await buildApp({
    terminals: core.terminals,
    pool: core.pool,
    accounts,
    clock: core.now,
    readiness: async () => [],
    registry: new Registry(),
    logger: pino({ level: 'trace' }, sink),
    metricsToken: null,
    trustedProxies,
    ...(pageFolder !== undefined && { pageFolder }),
  }).catch(async (error: unknown) => {
    await core.close();
    remove();
    throw error;
  });
  const self: TestApi = {
    app,
    core,
    accounts,
    log: () => logged,
    async token(username, password = PASSWORD) {
      return (await accounts.login(username, password, core.now())).token;
    },
    async call(token, method, url, body, headers = {}) {
      const answer = await app.inject({
        method: method as NonNullable<InjectOptions['method']>,
        url,
        headers: {
          ...(token !== null && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const type = String(answer.headers['content-type'] ?? '');
      return {
        status: answer.statusCode,
        body: type.includes('json') && answer.body !== '' ? answer.json() : answer.body,
      };
    },
    async picture() {
      const { tables } = core.store;
      const audit = await tables.audit.list({ limit: 1000 });
      return JSON.stringify([
        await tables.users.list(),
        (await tables.machines.listWithHolder()).map(({ probedAt: _, nextProbeAt: __, ...machine }) => machine),
        await tables.allocations.open(),
        audit.filter((entry) => entry.action !== 'user.signed_in'),
      ]);
    },
    async close() {
      await app.close();
      await core.close();
      remove();
    },
  };
  return self;
}
