import type { Part } from '#contract/routes.ts';
import type { MadeApiToken } from '#core/accounts/api-tokens.ts';
import type { ApiDeps, Handlers } from '../handler.ts';
import { apiTokenOnWire } from '../views.ts';

export function apiTokenHandlers({ accounts: { apiTokens } }: ApiDeps) {
  return {
    listApiTokens: async ({ caller }) => ({ tokens: (await apiTokens.list(caller)).map(apiTokenOnWire) }),
    async createApiToken({ caller, now, body, reply }) {
      const made = await apiTokens.create(caller, wanted(body), now);
      reply.code(201);
      return madeOnWire(made);
    },
    async revokeApiToken({ caller, now, params }) {
      await apiTokens.revoke(caller, params.id, now);
      return { message: 'revoked' };
    },

    async listApiTokensOf({ caller, params }) {
      return { tokens: (await apiTokens.listOf(caller, params.username)).map(apiTokenOnWire) };
    },
    async createApiTokenFor({ caller, now, params, body, reply }) {
      const made = await apiTokens.createFor(caller, params.username, wanted(body), now);
      reply.code(201);
      return madeOnWire(made);
    },
    async revokeApiTokenOf({ caller, now, params }) {
      await apiTokens.revokeOf(caller, params.username, params.id, now);
      return { message: 'revoked' };
    },
  } satisfies Partial<Handlers>;
}

function wanted({ name, scopes, expires_in_days: expiresInDays }: Part<'createApiToken', 'body'>) {
  return { name, scopes, expiresInDays };
}

function madeOnWire(made: MadeApiToken) {
  return { ...apiTokenOnWire(made), token: made.token };
}
