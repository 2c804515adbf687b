import { text } from 'node:stream/consumers';
import { makeAccountPassword } from '#core/access/account-password.ts';
import { createAccounts } from '#core/accounts/create-accounts.ts';
import { passwordProblem } from '#core/accounts/password-rules.ts';
import type { Config } from '#core/runtime/config.ts';
import { resolveSecrets } from '#core/runtime/secrets.ts';
import { openDatabase } from './open-database.ts';
import { Problem } from './problem.ts';
import { askSecretly } from './prompt.ts';

export interface PasswordReset {
  readonly username: string;
  readonly from: 'prompt' | 'stdin' | 'generate';
  /** Makes the user an admin who can sign in, which is refused while there is another who has a password. */
  readonly makeAdmin: boolean;
  /** Removes the second factor too. */
  readonly removeSecondFactor: boolean;
}

/** Gives a user a new password and ends what was signed in with the old one. */
export async function resetPassword(
  config: Config,
  { username, from, makeAdmin, removeSecondFactor }: PasswordReset,
): Promise<void> {
  await openDatabase(config, async (store) => {
    const { jwtSecret: secret } = resolveSecrets(config);
    const accounts = createAccounts(store, { secret, expiresMinutes: config.jwtExpiresMinutes }, config.passwordRules);
    const user = await accounts.getUser(username);
    if (user.service) throw new Problem(`${username} is a service account, which has no password`);
    if (makeAdmin) {
      // Those of an identity provider cannot sign in while it is away, and get no password here.
      const admins = (await accounts.listUsers()).filter(
        (one) => one.role === 'admin' && !one.disabled && one.hasPassword,
      );
      if (admins.length > 0) {
        const names = admins.map((admin) => admin.username).join(', ');
        throw new Problem(`--admin is for when no admin is left, and there is ${names}; reset that password instead`);
      }
    }
    const password = await newPassword(from, username);
    const rights = makeAdmin ? ({ role: 'admin', disabled: false } as const) : {};
    const changes = { password, ...rights, ...(removeSecondFactor && { secondFactor: false as const }) };
    const after = await accounts.updateUser({ kind: 'system', name: 'setup' }, username, changes, new Date());
    console.error(`The password of ${username} is changed${makeAdmin ? ', and the user is an admin now' : ''}.`);
    const problem = passwordProblem(config.passwordRules, password, username);
    if (problem !== null) console.error(`It is a weak one: ${problem}.`);
    if (user.disabled && !makeAdmin)
      console.error('The user is disabled and cannot sign in until an admin changes that.');
    if (user.secondFactor && removeSecondFactor) console.error('The second factor is removed.');
    if (after.secondFactor) {
      console.error('The user still needs a code of the second factor to sign in; --second-factor removes that.');
    }
    if (from === 'generate') console.log(password);
  });
}

async function newPassword(from: PasswordReset['from'], username: string): Promise<string> {
  if (from === 'generate') return makeAccountPassword();
  if (from === 'stdin') return (await text(process.stdin)).replace(/\r?\n$/, '');
  if (!process.stdin.isTTY) {
    throw new Problem('nobody can be asked for the password here; use --password-stdin or --generate', 2);
  }
  const password = await askSecretly(`New password of ${username}: `);
  if ((await askSecretly('The same again: ')) !== password) throw new Problem('the two differ; nothing was changed');
  return password;
}
