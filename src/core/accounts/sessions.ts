import { randomUUID } from 'node:crypto';
import { by, type Origin } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { Session } from '#core/store/sessions.ts';
import type { Store } from '#core/store/store.ts';
import type { User } from '#core/store/users.ts';
import type { PasswordRules } from './password-rules.ts';
import { digestOf, firstRefreshToken, nextRefreshToken, sessionIdOf } from './refresh-token.ts';
import { signIn } from './sign-in.ts';
import type { SignedIn } from './signed-in.ts';
import type { TokenKeys, Tokens } from './tokens.ts';

/** Sign-ins of browsers. A session lives on by refresh tokens, each good for one use, and all its access tokens end with it. */
export interface Sessions {
  /** Refusals: invalid_grant, second_factor_needed. */
  open(username: string, password: string, browser: Browser, now: Date, code?: string): Promise<Renewed>;
  /** For a user who has proven who it is in another way, which `details` name in the audit log. */
  openFor(user: User, browser: Browser, details: Record<string, unknown>, now: Date): Promise<Renewed>;
  /**
   * The next tokens for a refresh token. One that was used more than ten seconds ago shows that two parties have it: the
   * session ends for both. Refusals: invalid_grant.
   */
  renew(refreshToken: string, browser: Browser, now: Date): Promise<Renewed>;
  /** Ends the session of a refresh token; without one there is nothing to do. */
  close(refreshToken: string, browser: Browser, now: Date): Promise<void>;
  list(caller: SignedIn, now: Date): Promise<SessionView[]>;
  /** Ends one session of the caller. Refusals: not_found. */
  end(caller: SignedIn, id: string, now: Date): Promise<void>;
  /** Ends all sessions and all tokens of the caller. */
  endAll(caller: SignedIn, now: Date): Promise<void>;
}

export interface Browser {
  readonly address: string;
  readonly userAgent: string;
}

export interface Renewed {
  readonly token: string;
  readonly expiresInSeconds: number;
  readonly refreshToken: string;
  readonly refreshExpiresInSeconds: number;
}

export interface SessionView {
  readonly id: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly address: string;
  readonly userAgent: string;
  readonly current: boolean;
}

/** How long a session lives without being used. */
const LIFE_SECONDS = 30 * 24 * 3600;
/** For tabs that renew at the same moment, and answers that were lost. */
const GRACE_MS = 10_000;
const MOST_OF_USER = 50;
const LONGEST_ADDRESS = 64;
const LONGEST_USER_AGENT = 255;

export function createSessions(store: Store, tokens: Tokens, keys: TokenKeys, rules: PasswordRules): Sessions {
  const { tables } = store;

  const answer = async (user: User, sessionId: string, refreshToken: string, now: Date): Promise<Renewed> => ({
    token: await tokens.issue({ userId: user.id, version: user.tokenVersion, sessionId }, now),
    expiresInSeconds: keys.expiresMinutes * 60,
    refreshToken,
    refreshExpiresInSeconds: LIFE_SECONDS,
  });

  /** `id`: that the session gets. */
  const begin = async (id: string, user: User, browser: Browser, details: Record<string, unknown>, now: Date) => {
    const refreshToken = firstRefreshToken(id);
    await store.transaction(async (inside) => {
      await inside.sessions.removeExpired(now);
      const others = await inside.sessions.ofUser(user.id, now);
      for (const oldest of others.slice(MOST_OF_USER - 1)) await inside.sessions.remove(oldest.id);
      await inside.sessions.insert({
        id,
        userId: user.id,
        // A password that is changed at this moment raises the version: then this session is not good from the start.
        tokenVersion: user.tokenVersion,
        tokenHash: digestOf(refreshToken),
        previousHash: null,
        rotatedAt: now,
        createdAt: now,
        lastUsedAt: now,
        expiresAt: lifeFrom(now),
        ...shortened(browser),
      });
      await inside.audit.add({
        at: now,
        actor: user.username,
        action: 'user.signed_in',
        subject: user.username,
        details: { ...details, session: id, address: browser.address, user_agent: shortened(browser).userAgent },
        origin: originOf(browser, id),
      });
    });
    return await answer(user, id, refreshToken, now);
  };

  return {
    async open(username, password, browser, now, code) {
      const id = randomUUID();
      const user = await signIn(store, rules, { username, password, code }, now, originOf(browser, id));
      return await begin(id, user, browser, {}, now);
    },

    async openFor(user, browser, details, now) {
      return await begin(randomUUID(), user, browser, details, now);
    },

    async renew(refreshToken, browser, now) {
      const session = await find(store, refreshToken);
      if (!session) throw over();
      const user = await tables.users.byId(session.userId);
      if (!user || user.disabled || user.tokenVersion !== session.tokenVersion || session.expiresAt <= now) {
        await tables.sessions.remove(session.id);
        throw over();
      }
      const used = digestOf(refreshToken);
      const next = nextRefreshToken(refreshToken, keys.secret);
      const hash = digestOf(next);
      const rotated =
        session.tokenHash === used &&
        (await tables.sessions.rotate(session.id, used, {
          hash,
          now,
          expiresAt: lifeFrom(now),
          ...shortened(browser),
        }));
      if (!rotated) {
        // Another use of the same token came first: a moment ago, or long ago.
        const found = await tables.sessions.byId(session.id);
        if (!found) throw over();
        const justNow = found.previousHash === used && now.getTime() - found.rotatedAt.getTime() <= GRACE_MS;
        if (!justNow || found.tokenHash !== hash) {
          await endStolen(store, found, user, browser, now);
          throw over();
        }
      }
      return await answer(user, session.id, next, now);
    },

    async close(refreshToken, browser, now) {
      const session = await find(store, refreshToken);
      const user = session && (await tables.users.byId(session.userId));
      if (!session || !user) return;
      const used = digestOf(refreshToken);
      if (used === session.tokenHash || used === session.previousHash) {
        await end(store, session.id, { actor: user.username, origin: originOf(browser, session.id) }, now);
      } else await endStolen(store, session, user, browser, now);
    },

    async list(caller, now) {
      return (await tables.sessions.ofUser(caller.id, now)).map(
        ({ id, createdAt, lastUsedAt, address, userAgent }) => ({
          id,
          createdAt,
          lastUsedAt,
          address,
          userAgent,
          current: id === caller.sessionId,
        }),
      );
    },

    async end(caller, id, now) {
      const session = await tables.sessions.byId(id);
      if (session?.userId !== caller.id) throw noSuchSession();
      if (!(await end(store, id, by(caller), now))) throw noSuchSession();
    },

    async endAll(caller, now) {
      await store.transaction(async (inside) => {
        const user = await inside.users.lockById(caller.id);
        if (!user) return;
        await inside.users.update(user.id, { tokenVersion: user.tokenVersion + 1 });
        const ended = await inside.sessions.removeOf(user.id);
        await inside.audit.add({
          at: now,
          ...by(caller),
          action: 'user.signed_out_everywhere',
          subject: caller.name,
          details: { sessions: ended },
        });
      });
    },
  };
}

async function find(store: Store, refreshToken: string): Promise<Session | undefined> {
  const id = sessionIdOf(refreshToken);
  return id === null ? undefined : await store.tables.sessions.byId(id);
}

/** Ends a session in its user's name; false when it was gone already. */
async function end(store: Store, id: string, who: ReturnType<typeof by>, now: Date): Promise<boolean> {
  return await store.transaction(async (inside) => {
    if (!(await inside.sessions.remove(id))) return false;
    await inside.audit.add({
      at: now,
      ...who,
      action: 'session.ended',
      subject: who.actor,
      details: { session: id },
    });
    return true;
  });
}

/** Whoever used the token first and whoever came second cannot be told apart: neither goes on. */
async function endStolen(store: Store, session: Session, user: User, browser: Browser, now: Date): Promise<void> {
  await store.transaction(async (inside) => {
    if (!(await inside.sessions.remove(session.id))) return;
    await inside.audit.add({
      at: now,
      actor: user.username,
      action: 'session.stolen',
      subject: user.username,
      details: { session: session.id, used_from: browser.address, last_used_from: session.address },
      origin: originOf(browser, session.id),
    });
  });
}

function originOf({ address }: Browser, sessionId: string): Origin {
  return { address, sessionId, apiToken: null };
}

function shortened({ address, userAgent }: Browser): Browser {
  return { address: address.slice(0, LONGEST_ADDRESS), userAgent: userAgent.slice(0, LONGEST_USER_AGENT) };
}

function lifeFrom(now: Date): Date {
  return new Date(now.getTime() + LIFE_SECONDS * 1000);
}

function over(): Refusal {
  return new Refusal('invalid_grant', 'the session is over; sign in again');
}

function noSuchSession(): Refusal {
  return new Refusal('not_found', 'session: you have no session of that id');
}
