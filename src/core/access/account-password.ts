import { randomInt } from 'node:crypto';
import { encrypt } from 'unixcrypt';

/** Letters and digits that are not mistaken for one another when read aloud or typed. */
const LETTERS = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';

/** A password of 20 letters (115 bits), in groups for the eye: `xxxxx-xxxxx-xxxxx-xxxxx`. */
export function makeAccountPassword(): string {
  const group = (): string => Array.from({ length: 5 }, () => LETTERS[randomInt(LETTERS.length)]).join('');
  return [group(), group(), group(), group()].join('-');
}

/** SHA-512 crypt (`$6$`) with a random salt: what Linux reads from /etc/shadow on Debian and Alpine alike. */
export function hashAccountPassword(password: string): string {
  return encrypt(password);
}
