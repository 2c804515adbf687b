import type { Role } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { ApiDeps, Handlers } from '../handler.ts';
import { userOnWire } from '../views.ts';

/** How long a deletion waits for the user's machines to be clean. */
const CLEAN_LIMIT_MS = 20_000;

const roleOf = (isAdmin: boolean): Role => (isAdmin ? 'admin' : 'user');

export function userHandlers({ accounts, pool }: ApiDeps) {
  return {
    async createUser({ caller, now, body: { username, password, is_admin = false, service = false }, reply }) {
      if (service && password !== undefined) {
        throw new Refusal('invalid_request', 'password: a service account has none; make it an API token');
      }
      if (caller.apiToken && (!service || is_admin)) {
        throw new Refusal(
          'forbidden',
          'service: with an API token only service accounts that are no admins can be made; sign in for others',
        );
      }
      if (!service && password === undefined) throw new Refusal('invalid_request', 'password: is missing');
      const user = await accounts.createUser(
        caller,
        { username, password: password ?? null, role: roleOf(is_admin) },
        now,
      );
      reply.code(201);
      return userOnWire(user);
    },
    listUsers: async () => (await accounts.listUsers()).map(userOnWire),
    getUser: async ({ params }) => userOnWire(await accounts.getUser(params.username)),
    async updateUser({ caller, now, params, body: { password, is_admin, disabled, second_factor } }) {
      // What a token may do must end with it: it opens no other way to sign in.
      if (caller.apiToken && (password !== undefined || is_admin || disabled === false || second_factor === false)) {
        throw new Refusal(
          'forbidden',
          'no API token may set a password, remove a second factor, make somebody an admin, or let somebody in again; sign in to do so',
        );
      }
      const changes = {
        ...(password !== undefined && { password }),
        ...(is_admin !== undefined && { role: roleOf(is_admin) }),
        ...(disabled !== undefined && { disabled }),
        ...(second_factor !== undefined && { secondFactor: second_factor }),
      };
      const user = await accounts.updateUser(caller, params.username, changes, now);
      // Who may not sign in any more must not stay logged in to machines either. Asking again goes on where this broke off.
      if (disabled) await pool.endAllOf(caller, params.username, now);
      return userOnWire(user);
    },
    async deleteUser({ caller, now, params: { username } }) {
      // From here on the user cannot sign in or reserve; if this breaks off, asking again goes on.
      await accounts.updateUser(caller, username, { disabled: true }, now);
      await pool.releaseAllOf(caller, username, now, CLEAN_LIMIT_MS);
      await accounts.deleteUser(caller, username, now);
      return { message: 'deleted' };
    },
  } satisfies Partial<Handlers>;
}
