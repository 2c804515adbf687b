import type { SshKey } from '#core/accounts/ssh-keys.ts';
import type { ApiDeps, Handlers } from '../handler.ts';
import { rolesOnWire } from '../views.ts';

export function profileHandlers({ accounts, terminals }: ApiDeps) {
  return {
    async profile({ caller }) {
      const {
        createdAt,
        hasPassword,
        hasShippedPassword,
        hasWeakPassword,
        passwordRules,
        secondFactor,
        recoveryCodesLeft,
      } = await accounts.profile.show(caller);
      return {
        user: caller.name,
        roles: rolesOnWire(caller),
        created_at: createdAt.toISOString(),
        has_password: hasPassword,
        default_password: hasShippedPassword,
        weak_password: hasWeakPassword,
        password_rules: { min_length: passwordRules.minLength, enforced: passwordRules.enforced },
        terminal: terminals.enabled,
        second_factor: secondFactor,
        recovery_codes_left: recoveryCodesLeft,
      };
    },
    async changePassword({ request, caller, now, body }) {
      // Whoever has got hold of a token must not find out the password with it.
      await accounts.throttle.guard(
        request.ip,
        caller.name,
        now,
        () => accounts.profile.changePassword(caller, body.old_password, body.new_password, now),
        'part',
      );
      return { message: 'password changed' };
    },

    listSshKeys: async ({ caller }) => ({ ssh_keys: (await accounts.sshKeys.list(caller)).map(onWire) }),
    async addSshKey({ caller, now, body, reply }) {
      const key = await accounts.sshKeys.add(caller, body.name, body.public_key, now);
      reply.code(201);
      return onWire(key);
    },
    async deleteSshKey({ caller, now, params }) {
      await accounts.sshKeys.remove(caller, params.id, now);
      return { message: 'deleted' };
    },
  } satisfies Partial<Handlers>;
}

function onWire(key: SshKey) {
  return {
    id: key.id,
    name: key.name,
    public_key: key.publicKey,
    fingerprint: key.fingerprint,
    created_at: key.createdAt.toISOString(),
  };
}
