import { useQueryClient } from '@tanstack/react-query';
import type { Answer, Part } from '#contract/routes.ts';
import { call } from '../../lib/session.ts';
import { tell } from '../../lib/toasts.ts';

/** What can be done with one's own API tokens or, by admins, with those of the user named `of`. */
export function useTokenDeeds(of: string | null) {
  const queries = useQueryClient();
  const settle = () =>
    queries.invalidateQueries({ queryKey: of === null ? ['profile', 'tokens'] : ['users', 'tokens', of] });

  /** @throws CallFailure */
  const create = async (body: Part<'createApiToken', 'body'>): Promise<Answer<'createApiToken'>> => {
    const made =
      of === null
        ? await call('createApiToken', { body })
        : await call('createApiTokenFor', { params: { username: of }, body });
    await settle();
    return made;
  };

  /** @throws CallFailure */
  const revoke = async (id: string, name: string): Promise<void> => {
    if (of === null) await call('revokeApiToken', { params: { id } });
    else await call('revokeApiTokenOf', { params: { username: of, id } });
    await settle();
    tell(`The API token "${name}" is revoked.`);
  };

  return { create, revoke };
}
