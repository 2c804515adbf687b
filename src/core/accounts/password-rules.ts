import { readFileSync } from 'node:fs';
import { Refusal } from '#core/domain/refusal.ts';
import { checkedPassword } from './sign-in-rules.ts';

/** What new passwords have to be. */
export interface PasswordRules {
  /** Characters, 8 to 128. */
  readonly minLength: number;
  /** False: a password that breaks them is taken, and its user is warned. */
  readonly enforced: boolean;
}

/** Of what is added around a word that everybody tries. */
const MOST_ADDED = 4;
const LEAST_DIFFERENT = 4;

/**
 * Refuses what nobody may have, and, where the rules are enforced, what breaks them.
 * @throws Refusal `invalid_request` that says which rule.
 */
export function checkNewPassword(rules: PasswordRules, password: string, username: string): void {
  checkedPassword(password);
  const problem = rules.enforced ? passwordProblem(rules, password, username) : null;
  if (problem !== null) throw new Refusal('invalid_request', `password: ${problem}`);
}

/** Which rule the password breaks, in words for its user; null when none. */
export function passwordProblem(rules: PasswordRules, password: string, username: string): string | null {
  const characters = [...password];
  if (characters.length < rules.minLength) {
    return `it is too short; at least ${rules.minLength} characters are needed, and a few words in a row are fine`;
  }
  const lower = password.toLowerCase();
  if (isCommon(lower)) return 'it is one of the passwords that are tried first; choose one that others do not use';
  const rest = [username.toLowerCase(), 'berth'].reduce((text, name) => text.replaceAll(name, ''), lower);
  if (rest !== lower && rest.replace(/[\p{N}\p{P}\p{S}\s]/gu, '').length < LEAST_DIFFERENT) {
    return 'it is made of the user name or of "berth"; choose one that nobody can think of';
  }
  if (new Set(characters).size < LEAST_DIFFERENT) return 'it repeats the same few characters; choose more varied ones';
  return null;
}

/** Whether it is on the list, by itself or with a few digits or signs around. */
function isCommon(lower: string): boolean {
  const list = commonPasswords();
  const word = lower.replace(/^[\p{N}\p{P}\p{S}\s]+|[\p{N}\p{P}\p{S}\s]+$/gu, '');
  return list.has(lower) || (lower.length - word.length <= MOST_ADDED && list.has(word));
}

let read: ReadonlySet<string> | null = null;

/** Read when the first password is set; about 5 MB from then on. */
function commonPasswords(): ReadonlySet<string> {
  if (read === null) {
    const text = readFileSync(new URL('common-passwords.txt', import.meta.url), 'utf8');
    read = new Set(text.slice(text.indexOf('\n\n') + 2).split('\n'));
    (read as Set<string>).delete('');
  }
  return read;
}
