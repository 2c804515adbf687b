import type { ApiDeps, Handlers } from '../handler.ts';
import { rolesOnWire } from '../views.ts';

export function signInHandlers({ accounts }: ApiDeps) {
  return {
    async login({ request, body: { username, password, code }, now }) {
      const { token, expiresInSeconds } = await accounts.throttle.guard(request.ip, username, now, () =>
        accounts.login(username, password, now, request.ip, code),
      );
      return { access_token: token, token_type: 'Bearer', expires_in: expiresInSeconds };
    },
    async whoami({ caller: { apiToken, ...caller } }) {
      return {
        user: caller.name,
        roles: rolesOnWire(caller),
        ...(apiToken && {
          api_token: {
            name: apiToken.name,
            scopes: [...apiToken.scopes],
            expires_at: apiToken.expiresAt.toISOString(),
          },
        }),
      };
    },
  } satisfies Partial<Handlers>;
}
