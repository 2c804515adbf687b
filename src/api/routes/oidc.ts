import type { CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyReply } from 'fastify';
import { Refusal } from '#core/domain/refusal.ts';
import type { ApiDeps, Handlers } from '../handler.ts';
import { browserOf, setRefreshCookie } from './sessions.ts';

/**
 * Sealed; kept from the way to the identity provider until the way back. Over HTTPS its prefix keeps other servers of the
 * same domain from setting it: https://developer.mozilla.org/docs/Web/HTTP/Headers/Set-Cookie#cookie_prefixes
 */
const nameOf = (secure: boolean): string => (secure ? '__Host-berth_oidc' : 'berth_oidc');

export function oidcHandlers({ accounts }: ApiDeps) {
  const configured = () => {
    if (accounts.oidc) return accounts.oidc;
    throw new Refusal('not_found', 'no identity provider is set up here; sign in with name and password');
  };
  return {
    signInOptions: async () => ({ oidc: accounts.oidc && { name: accounts.oidc.name } }),

    async startOidc({ reply, now }) {
      const oidc = configured();
      const started = await oidc.start(now);
      if ('problem' in started) return goTo(reply, `/login?problem=${started.problem}`);
      reply.setCookie(nameOf(oidc.secure), started.cookie, { ...cookie(oidc.secure), maxAge: started.cookieSeconds });
      return goTo(reply, started.address);
    },

    async finishOidc({ request, reply, now }) {
      const oidc = configured();
      const { search } = new URL(request.url, 'http://localhost');
      const kept = request.server.parseCookie(request.headers.cookie ?? '')[nameOf(oidc.secure)];
      const finished = await oidc.finish(search, kept, browserOf(request), now);
      reply.clearCookie(nameOf(oidc.secure), cookie(oidc.secure));
      if ('problem' in finished) return goTo(reply, `/login?problem=${finished.problem}`);
      setRefreshCookie(request, reply, finished.renewed);
      // The page looks for the session of the cookie when it is told that there is one.
      return goTo(reply, '/login?signed-in');
    },
  } satisfies Partial<Handlers>;
}

/** Lax: the way back is a navigation from another site, which a strict cookie would miss. */
function cookie(secure: boolean): CookieSerializeOptions {
  return { httpOnly: true, sameSite: 'lax', path: secure ? '/' : '/api/oidc', secure };
}

function goTo(reply: FastifyReply, address: string) {
  reply.code(302).header('location', address);
  return { message: 'go on at the address in the header "location"' };
}
