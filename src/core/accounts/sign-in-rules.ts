import { checkedAccountName } from '#core/domain/account-name.ts';
import { Refusal } from '#core/domain/refusal.ts';

/** What the audit log calls Berth itself; a user of that name could not be told from it. */
const OWN_NAMES = new Set(['scheduler', 'setup']);
/** The first admin's password until somebody chooses another one. */
export const SHIPPED_PASSWORD = 'change-me';
const LONGEST_PASSWORD = 1024;

/**
 * The name, if a user may have it: every user can make an account of the own name on a machine.
 * @throws Refusal `account_name_refused`.
 */
export function checkedUsername(username: string): string {
  if (OWN_NAMES.has(username)) {
    throw new Refusal(
      'account_name_refused',
      `username: "${username}" is what Berth calls itself; choose another name`,
    );
  }
  return checkedAccountName(username);
}

/** @throws Refusal `invalid_request` unless it has 1 to 1024 characters and no control characters. */
export function checkedPassword(password: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (password.length < 1 || password.length > LONGEST_PASSWORD || /[\u0000-\u001f\u007f]/.test(password)) {
    throw new Refusal(
      'invalid_request',
      `password: 1 to ${LONGEST_PASSWORD} characters are needed, without control characters`,
    );
  }
  return password;
}
