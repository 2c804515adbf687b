import type { Role } from '#core/domain/actor.ts';
import type { ApiDeps, Call, Handlers } from '../handler.ts';
import { userOnWire } from '../views.ts';

/** How long a deletion waits for the user's machines to be clean. */
const CLEAN_LIMIT_MS = 20_000;

interface UserBody {
  readonly username: string;
  readonly password?: string;
  readonly is_admin?: boolean;
  readonly disabled?: boolean;
}

export function userHandlers({ accounts, pool }: ApiDeps): Handlers {
  const named = ({ request }: Call): string => (request.params as { username: string }).username;
  const role = (isAdmin: boolean | undefined): Role | undefined =>
    isAdmin === undefined ? undefined : isAdmin ? 'admin' : 'user';
  return {
    async createUser({ caller, now, request, reply }) {
      const { username, password, is_admin } = request.body as UserBody & { password: string };
      const user = await accounts.createUser(caller, { username, password, role: role(is_admin) ?? 'user' }, now);
      return reply.code(201).send(userOnWire(user));
    },
    listUsers: async () => (await accounts.listUsers()).map(userOnWire),
    getUser: async (call) => userOnWire(await accounts.getUser(named(call))),
    async updateUser(call) {
      const { password, is_admin, disabled } = call.request.body as UserBody;
      const changes = {
        ...(password !== undefined && { password }),
        ...(is_admin !== undefined && { role: role(is_admin) as Role }),
        ...(disabled !== undefined && { disabled }),
      };
      return userOnWire(await accounts.updateUser(call.caller, named(call), changes, call.now));
    },
    async deleteUser(call) {
      const username = named(call);
      // From here on the user cannot sign in or reserve; if this breaks off, asking again goes on.
      await accounts.updateUser(call.caller, username, { disabled: true }, call.now);
      await pool.releaseAllOf(call.caller, username, call.now, CLEAN_LIMIT_MS);
      await accounts.deleteUser(call.caller, username, call.now);
      return { message: 'deleted' };
    },
  };
}
