import { by } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { Store } from '#core/store/store.ts';
import { revokeAll } from './api-tokens.ts';
import { checkNewPassword, type PasswordRules, passwordProblem } from './password-rules.ts';
import { hashPassword, passwordFits } from './passwords.ts';
import { SHIPPED_PASSWORD } from './sign-in-rules.ts';
import type { SignedIn } from './signed-in.ts';

/** What a user may see and change of the own account. */
export interface Profile {
  /** Refusals: unauthorized (the user is gone). */
  show(caller: SignedIn): Promise<OwnAccount>;
  /**
   * Ends all tokens of the user, API tokens too, and all sessions but the caller's own. Refusals: wrong_password (the old one),
   * invalid_request.
   */
  changePassword(caller: SignedIn, oldPassword: string, newPassword: string, now: Date): Promise<void>;
}

export interface OwnAccount {
  readonly createdAt: Date;
  /** False for who signs in elsewhere: with an identity provider, or by API tokens alone. */
  readonly hasPassword: boolean;
  readonly hasShippedPassword: boolean;
  /** The password breaks the rules, which were not enforced or not the same when it was set. */
  readonly hasWeakPassword: boolean;
  readonly passwordRules: PasswordRules;
  /** Whether a code is asked for at each sign-in. */
  readonly secondFactor: boolean;
  readonly recoveryCodesLeft: number;
}

/** Answers kept at most: checking a password takes as long as signing in. */
const KEPT = 1_000;

export function createProfile(store: Store, rules: PasswordRules): Profile {
  const shipped = new Map<string, boolean>();

  return {
    async show(caller) {
      const user = await store.tables.users.byId(caller.id);
      if (!user) throw new Refusal('unauthorized', 'the token is not valid any more; sign in again');
      let hasShippedPassword = shipped.get(user.passwordHash);
      if (hasShippedPassword === undefined) {
        hasShippedPassword = await passwordFits(user.passwordHash, SHIPPED_PASSWORD);
        if (shipped.size >= KEPT) shipped.clear();
        shipped.set(user.passwordHash, hasShippedPassword);
      }
      const hasWeakPassword = await store.tables.weakPasswords.has(user.id);
      return {
        createdAt: user.createdAt,
        hasPassword: user.passwordHash !== '',
        hasShippedPassword,
        hasWeakPassword,
        passwordRules: rules,
        secondFactor: await store.tables.secondFactors.isOn(user.id),
        recoveryCodesLeft: await store.tables.secondFactors.countCodes(user.id),
      };
    },

    async changePassword(caller, oldPassword, newPassword, now) {
      checkChange(rules, caller.name, oldPassword, newPassword);
      const before = await store.tables.users.byId(caller.id);
      if (before?.passwordHash === '') {
        throw new Refusal(
          'invalid_request',
          'old_password: you sign in with your organisation; change your password there',
        );
      }
      if (!(await passwordFits(before?.passwordHash, oldPassword))) throw wrongPassword();
      const passwordHash = await hashPassword(newPassword);
      await store.transaction(async (tables) => {
        const user = await tables.users.lockById(caller.id);
        // Somebody else has changed it since it was looked at.
        if (!user || user.passwordHash !== before?.passwordHash) throw wrongPassword();
        const tokenVersion = user.tokenVersion + 1;
        await tables.users.update(user.id, { passwordHash, tokenVersion });
        await tables.weakPasswords.set(user.id, passwordProblem(rules, newPassword, user.username) !== null);
        const ended = await tables.sessions.removeOf(user.id, caller.sessionId);
        if (caller.sessionId !== null) await tables.sessions.setTokenVersion(caller.sessionId, tokenVersion);
        await revokeAll(tables, caller, user, 'another password', now);
        await tables.audit.add({
          at: now,
          ...by(caller),
          action: 'user.password_changed',
          subject: user.username,
          details: { sessions_ended: ended },
        });
      });
    },
  };
}

function checkChange(rules: PasswordRules, username: string, oldPassword: string, newPassword: string): void {
  try {
    checkNewPassword(rules, newPassword, username);
  } catch (error) {
    if (error instanceof Refusal) throw new Refusal(error.code, `new_${error.message}`);
    throw error;
  }
  if (newPassword === oldPassword) throw new Refusal('invalid_request', 'new_password: it is the old one');
}

function wrongPassword(): Refusal {
  return new Refusal('wrong_password', 'old_password: it is not your password');
}
