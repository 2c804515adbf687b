import { Refusal } from '#core/domain/refusal.ts';
import type { ApiDeps, Handlers } from '../handler.ts';
import { createLoginLimit } from '../login-limit.ts';

export function signInHandlers({ accounts }: ApiDeps) {
  const limit = createLoginLimit();
  return {
    async login({ request, body: { username, password }, now }) {
      const takeBack = limit.begin(request.ip, username, now);
      try {
        const { token, expiresInSeconds } = await accounts.login(username, password, now);
        takeBack();
        return { access_token: token, token_type: 'Bearer', expires_in: expiresInSeconds };
      } catch (error) {
        if (!(error instanceof Refusal && error.code === 'invalid_grant')) takeBack();
        throw error;
      }
    },
    whoami: async ({ caller }) => ({ user: caller.name, roles: caller.role === 'admin' ? ['admin'] : [] }),
  } satisfies Partial<Handlers>;
}
