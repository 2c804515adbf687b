import { useQueryClient } from '@tanstack/react-query';
import type { Part } from '#contract/routes.ts';
import type { Role } from '../../lib/queries.ts';
import { call } from '../../lib/session.ts';
import { tell, tellProblem } from '../../lib/toasts.ts';

/** What an admin can do with users. */
export function useUserDeeds() {
  const queries = useQueryClient();
  const settle = (): void => {
    for (const key of ['users', 'reservations', 'machines']) void queries.invalidateQueries({ queryKey: [key] });
  };

  /** @throws CallFailure */
  const create = async (body: Part<'createUser', 'body'>): Promise<void> => {
    await call('createUser', { body });
    settle();
    tell(body.service ? `${body.username} can get API tokens now.` : `${body.username} can sign in now.`);
  };

  /** @throws CallFailure */
  const setPassword = async (username: string, password: string): Promise<void> => {
    await call('updateUser', { params: { username }, body: { password } });
    settle();
    tell(`${username} has a new password.`);
  };

  const setDisabled = async (username: string, disabled: boolean): Promise<void> => {
    try {
      await call('updateUser', { params: { username }, body: { disabled } });
      settle();
      tell(
        disabled
          ? `${username} can no longer sign in; what they hold is being released.`
          : `${username} can sign in again.`,
        {
          label: 'Undo',
          run: () => setDisabled(username, !disabled),
        },
      );
    } catch (error) {
      tellProblem(error);
    }
  };

  const setAdmin = async (username: string, isAdmin: boolean): Promise<void> => {
    try {
      await call('updateUser', { params: { username }, body: { is_admin: isAdmin } });
      settle();
      tell(isAdmin ? `${username} is an admin now.` : `${username} is no admin any more.`, {
        label: 'Undo',
        run: () => setAdmin(username, !isAdmin),
      });
    } catch (error) {
      tellProblem(error);
    }
  };

  /** @throws CallFailure */
  const removeSecondFactor = async (username: string): Promise<void> => {
    await call('updateUser', { params: { username }, body: { second_factor: false } });
    settle();
    tell(`${username} signs in with the password alone now.`);
  };

  /** @throws CallFailure */
  const setLimits = async (username: string, body: Part<'changeUserLimits', 'body'>): Promise<void> => {
    await call('changeUserLimits', { params: { username }, body });
    await queries.invalidateQueries({ queryKey: ['limits'] });
    tell(`${username} has other limits.`);
  };

  /** @throws CallFailure */
  const setRoleLimits = async (role: Role, body: Part<'changeRoleLimits', 'body'>): Promise<void> => {
    await call('changeRoleLimits', { params: { role }, body });
    await queries.invalidateQueries({ queryKey: ['limits'] });
    tell(`${role === 'admin' ? 'Admins' : 'Users'} have other limits.`);
  };

  /** @throws CallFailure */
  const remove = async (username: string): Promise<void> => {
    await call('deleteUser', { params: { username } });
    settle();
    tell(`${username} was deleted.`);
  };

  return { create, setPassword, setDisabled, setAdmin, removeSecondFactor, setLimits, setRoleLimits, remove };
}
