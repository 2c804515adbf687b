import type { FastifyRequest } from 'fastify';
import type { NeededScope, Route } from '#contract/routes.ts';
import type { Accounts } from '#core/accounts/accounts.ts';
import type { SignedIn } from '#core/accounts/signed-in.ts';
import { isAdmin } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';

export type Caller = SignedIn;

/**
 * Who calls, from the bearer token; cookies and query parameters are never looked at.
 * @throws Refusal `unauthorized`, or `forbidden` when an API token has not the route's scope, or the route is for admins and
 * the caller is none.
 */
export async function authenticate(
  accounts: Accounts,
  request: FastifyRequest,
  { access, scope }: Pick<Route, 'access' | 'scope'>,
  now: Date,
): Promise<Caller> {
  const token = /^Bearer ([A-Za-z0-9._~+/=-]{1,4096})$/i.exec(request.headers.authorization ?? '')?.[1];
  if (!token)
    throw new Refusal(
      'unauthorized',
      'sign in first: send "Authorization: Bearer <token>" with a token from POST /api/login, or an API token',
    );
  const found = narrowed(await accounts.authenticate(token, now), scope);
  const origin = { address: request.ip, sessionId: found.sessionId, apiToken: found.apiToken?.name ?? null };
  const caller = { ...found, origin };
  if (access === 'admin' && !isAdmin(caller)) throw new Refusal('forbidden', 'only an admin may do this');
  return caller;
}

/**
 * The caller with no more rights than the API token has. An admin's token acts as an admin on the routes for machines if it
 * has that scope, everywhere if it has `admin`, and else as the token of a user.
 */
function narrowed(caller: Caller, scope: NeededScope): Caller {
  if (!caller.apiToken) return caller;
  const { scopes } = caller.apiToken;
  if (scope === 'none') {
    throw new Refusal('forbidden', 'no API token may do this; sign in with your password');
  }
  if (scope !== 'any' && !scopes.includes(scope)) {
    throw new Refusal('forbidden', `this API token has not the scope "${scope}", only: ${scopes.join(', ')}`);
  }
  const asAdmin = scopes.includes('admin') || scope === 'machines';
  return asAdmin ? caller : { ...caller, role: 'user' };
}
