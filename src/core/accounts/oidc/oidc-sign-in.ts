import { randomBytes } from 'node:crypto';
import type { Store } from '#core/store/store.ts';
import { networkOf } from '../network-of.ts';
import type { RefusedSignIns } from '../refused-sign-ins.ts';
import type { Browser, Renewed, Sessions } from '../sessions.ts';
import { createTurns } from '../turns.ts';
import { createProvider } from './provider.ts';
import { OidcFailure, type OidcProblem, type OidcSettings } from './settings.ts';
import { createStartedSeal } from './started.ts';
import { userOf } from './user-of.ts';

/** Signing in with an identity provider: OpenID Connect, authorization code with PKCE, state and nonce. */
export interface OidcSignIn {
  /** What the button says. */
  readonly name: string;
  /** Whether browsers reach Berth over HTTPS. */
  readonly secure: boolean;
  /** Where the browser goes, and what it keeps meanwhile in a cookie; or why not. */
  start(now: Date): Promise<{ address: string; cookie: string; cookieSeconds: number } | { problem: OidcProblem }>;
  /** The session of who came back with this query and that cookie; or why there is none. Each way back counts once. */
  finish(
    search: string,
    cookie: string | undefined,
    browser: Browser,
    now: Date,
  ): Promise<{ renewed: Renewed } | { problem: OidcProblem }>;
}

/** Hears of what went wrong, without secrets. */
export type OnOidcProblem = (facts: { problem: OidcProblem; reason: string }) => void;

const START_SECONDS = 600;
/** Answers that the provider is asked about at the same time, and those that wait for it: a crowd must not hold up others. */
const ASKED_AT_ONCE = 8;
const LONGEST_LINE = 64;
/** Of one network, asked and waiting. */
const MOST_OF_ONE = 16;

export function createOidcSignIn(
  store: Store,
  { sessions, refusedSignIns }: { sessions: Sessions; refusedSignIns: RefusedSignIns },
  secret: Uint8Array,
  settings: OidcSettings,
  onProblem: OnOidcProblem,
): OidcSignIn {
  const provider = createProvider(settings);
  const seal = createStartedSeal(secret);
  const turns = createTurns(
    { atOnce: ASKED_AT_ONCE, longestLine: LONGEST_LINE, mostOfOne: MOST_OF_ONE },
    () => new OidcFailure('unavailable', 'too many sign in at this moment'),
  );
  const atProvider = <T>(address: string, ask: () => Promise<T>) => turns.take('rest', networkOf(address), ask);
  const orProblem = async <T>(
    work: () => Promise<T>,
    onRefusal: (failure: OidcFailure) => void = () => undefined,
  ): Promise<T | { problem: OidcProblem }> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof OidcFailure)) throw error;
      onProblem({ problem: error.problem, reason: error.message });
      if (error.problem !== 'unavailable') onRefusal(error);
      return { problem: error.problem };
    }
  };

  return {
    name: settings.name,
    secure: settings.redirectUri.startsWith('https:'),
    start: (now) =>
      orProblem(async () => {
        const started = {
          state: randomBytes(32).toString('base64url'),
          nonce: randomBytes(32).toString('base64url'),
          codeVerifier: randomBytes(32).toString('base64url'),
          expiresAt: now.getTime() + START_SECONDS * 1000,
        };
        const address = await provider.addressFor(started);
        return { address, cookie: seal.seal(started), cookieSeconds: START_SECONDS };
      }),
    finish: (search, cookie, browser, now) =>
      orProblem(
        async () => {
          const started = cookie === undefined ? null : seal.open(cookie, now);
          if (!started) throw new OidcFailure('expired', 'the cookie of the start is missing, too old or not ours');
          if (new URLSearchParams(search).get('state') !== started.state) {
            throw new OidcFailure('expired', 'the state is not that of the start');
          }
          const identity = await atProvider(browser.address, async () => {
            // First, because providers take everything back when a code comes twice.
            if (!(await store.tables.oidc.useState(started.state, new Date(started.expiresAt), now))) {
              throw new OidcFailure('expired', 'the answer was used before');
            }
            try {
              return await provider.identify(search, started);
            } catch (error) {
              // Anybody can send answers that no provider gave: nothing is kept of them.
              await store.tables.oidc.forgetState(started.state);
              throw error;
            }
          });
          const user = await userOf(store, settings, identity, browser, now);
          return { renewed: await sessions.openFor(user, browser, { by: 'oidc' }, now) };
        },
        ({ problem, username }) => refusedSignIns.note(browser.address, username ?? '', `oidc ${problem}`, now),
      ),
  };
}
