import type { CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Browser, Renewed } from '#core/accounts/sessions.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { ApiDeps, Handlers } from '../handler.ts';

/**
 * The refresh token of a browser's session. Only the routes of this file look at it, and only together with a header that
 * no other site can send (openSession sets it, and looks at no cookie).
 */
const COOKIE = 'berth_refresh';

export function sessionHandlers({ accounts }: ApiDeps) {
  const { sessions, throttle } = accounts;
  const answer = (request: FastifyRequest, reply: FastifyReply, renewed: Renewed) => {
    setRefreshCookie(request, reply, renewed);
    return { access_token: renewed.token, token_type: 'Bearer' as const, expires_in: renewed.expiresInSeconds };
  };

  return {
    async openSession({ request, reply, body: { username, password, code }, now }) {
      const renewed = await throttle.guard(request.ip, username, now, () =>
        sessions.open(username, password, browserOf(request), now, code),
      );
      return answer(request, reply, renewed);
    },
    async refreshSession({ request, reply, now }) {
      const token = refreshTokenOf(request);
      try {
        if (token === undefined) throw new Refusal('invalid_grant', 'nobody is signed in here; sign in first');
        return answer(request, reply, await sessions.renew(token, browserOf(request), now));
      } catch (error) {
        if (error instanceof Refusal && error.code === 'invalid_grant') reply.clearCookie(COOKIE, cookie(request));
        throw error;
      }
    },
    async closeSession({ request, reply, now }) {
      const token = refreshTokenOf(request);
      if (token !== undefined) await sessions.close(token, browserOf(request), now);
      reply.clearCookie(COOKIE, cookie(request));
      return { message: 'signed out' };
    },

    async listSessions({ caller, now }) {
      const found = await sessions.list(caller, now);
      return {
        sessions: found.map((one) => ({
          id: one.id,
          created_at: one.createdAt.toISOString(),
          last_used_at: one.lastUsedAt.toISOString(),
          address: one.address,
          user_agent: one.userAgent,
          current: one.current,
        })),
      };
    },
    async endSessions({ caller, now }) {
      await sessions.endAll(caller, now);
      return { message: 'signed out everywhere' };
    },
    async endSession({ caller, now, params }) {
      await sessions.end(caller, params.id, now);
      return { message: 'signed out there' };
    },
  } satisfies Partial<Handlers>;
}

/** The browser has the session of this token from now on. */
export function setRefreshCookie(request: FastifyRequest, reply: FastifyReply, renewed: Renewed): void {
  reply.setCookie(COOKIE, renewed.refreshToken, { ...cookie(request), maxAge: renewed.refreshExpiresInSeconds });
}

function cookie(request: FastifyRequest): CookieSerializeOptions {
  return { httpOnly: true, sameSite: 'strict', path: '/api/session', secure: request.protocol === 'https' };
}

function refreshTokenOf(request: FastifyRequest): string | undefined {
  const { cookie: header } = request.headers;
  return header === undefined ? undefined : request.server.parseCookie(header)[COOKIE];
}

export function browserOf(request: FastifyRequest): Browser {
  // Shown to its user again: nothing but plain text.
  const userAgent = (request.headers['user-agent'] ?? '').replace(/[^ -~]/g, '?');
  return { address: request.ip, userAgent };
}
