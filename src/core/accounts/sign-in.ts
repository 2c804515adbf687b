import { Refusal } from '#core/domain/refusal.ts';
import type { Store } from '#core/store/store.ts';
import type { User } from '#core/store/users.ts';
import { type PasswordRules, passwordProblem } from './password-rules.ts';
import { passwordFits } from './passwords.ts';

/**
 * The user whose name and password these are.
 * @throws Refusal `invalid_grant`, with the same words and time for an unknown, a disabled and a mistaken user.
 */
export async function signIn(store: Store, rules: PasswordRules, username: string, password: string): Promise<User> {
  const user = await store.tables.users.byName(username);
  const fits = await passwordFits(user?.passwordHash, password);
  if (!user || !fits || user.disabled) throw new Refusal('invalid_grant', 'the user name or the password is wrong');
  // Now that it is at hand: it may be older than the rules.
  await store.tables.weakPasswords.set(user.id, passwordProblem(rules, password, username) !== null);
  return user;
}
