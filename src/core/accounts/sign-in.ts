import type { Origin } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { Store } from '#core/store/store.ts';
import type { User } from '#core/store/users.ts';
import { type PasswordRules, passwordProblem } from './password-rules.ts';
import { passwordFits } from './passwords.ts';
import { checkSecondFactor } from './second-factor.ts';

/** What somebody shows to be let in. */
export interface Shown {
  readonly username: string;
  readonly password: string;
  /** Of the second factor. */
  readonly code?: string | undefined;
}

/**
 * The user whose name and password these are.
 * @throws Refusal `invalid_grant`, with the same words and time for an unknown, a disabled and a mistaken user;
 * `second_factor_needed` when the password is right and a code is missing.
 */
export async function signIn(
  store: Store,
  rules: PasswordRules,
  { username, password, code }: Shown,
  now: Date,
  origin: Origin | null,
): Promise<User> {
  const user = await store.tables.users.byName(username);
  const fits = await passwordFits(user?.passwordHash, password);
  if (!user || !fits || user.disabled) throw new Refusal('invalid_grant', 'the user name or the password is wrong');
  await checkSecondFactor(store, user, code, now, origin);
  // Now that it is at hand: it may be older than the rules.
  await store.tables.weakPasswords.set(user.id, passwordProblem(rules, password, username) !== null);
  return user;
}
