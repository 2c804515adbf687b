import type { FastifyRequest } from 'fastify';
import type { Access } from '#contract/routes.ts';
import type { Accounts } from '#core/accounts/accounts.ts';
import type { SignedIn } from '#core/accounts/signed-in.ts';
import { isAdmin } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';

export type Caller = SignedIn;

/**
 * Who calls, from the bearer token; cookies and query parameters are never looked at.
 * @throws Refusal `unauthorized`, or `forbidden` when the route is for admins and the caller is none.
 */
export async function authenticate(
  accounts: Accounts,
  request: FastifyRequest,
  access: Exclude<Access, 'anyone'>,
  now: Date,
): Promise<Caller> {
  const token = /^Bearer ([A-Za-z0-9._~+/=-]{1,4096})$/i.exec(request.headers.authorization ?? '')?.[1];
  if (!token)
    throw new Refusal(
      'unauthorized',
      'sign in first: send "Authorization: Bearer <token>" with a token from POST /api/login',
    );
  const found = await accounts.authenticate(token, now);
  const caller = { ...found, origin: { address: request.ip, sessionId: found.sessionId, apiToken: null } };
  if (access === 'admin' && !isAdmin(caller)) throw new Refusal('forbidden', 'only an admin may do this');
  return caller;
}
