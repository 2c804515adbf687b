import type { ApiDeps, Handlers } from '../handler.ts';

export function signInHandlers({ accounts }: ApiDeps): Handlers {
  return {
    async login({ request, now }) {
      const { username, password } = request.body as { username: string; password: string };
      const { token, expiresInSeconds } = await accounts.login(username, password, now);
      return { access_token: token, token_type: 'Bearer', expires_in: expiresInSeconds };
    },
    whoami: async ({ caller }) => ({ user: caller.name, roles: caller.role === 'admin' ? ['admin'] : [] }),
  };
}
