import { AccessError, type AccountOrder, type RemovalOrder, type VerifyOrder } from '#core/access/driver.ts';
import { ACCOUNT_NAME, checkedAccountName } from '#core/domain/account-name.ts';

// No value can hold a line's end or another control character, so no value can pass for two.
const ALLOCATION = /^[A-Za-z0-9_-]{1,64}$/;
const HASH = /^\$6\$[A-Za-z0-9./$=]{1,200}$/;
const KEY = /^[^\p{Cc}\u2028\u2029]{1,16384}$/u;

/** The lines that a creation sends. @throws AccessError when a value is not fit to be sent. */
export function creationLines(order: AccountOrder, now: number): string[] {
  try {
    checkedAccountName(order.accountName);
  } catch {
    throw unfit('account_exists', 'a malformed account name, or the name of a system account');
  }
  if (order.passwordHash !== null && !HASH.test(order.passwordHash))
    throw unfit('bad_answer', 'a malformed password hash');
  return [
    ...commonLines(order),
    `hash ${order.passwordHash ?? ''}`,
    ...checkedKeys(order.authorizedKeys).map((key) => `key ${key}`),
    timeLine(now),
  ];
}

/** The lines that a removal sends. @throws AccessError when a value is not fit to be sent. */
export function removalLines(order: RemovalOrder, now: number): string[] {
  return [...commonLines(order), timeLine(now)];
}

/** The lines that a look at the whole machine sends. @throws AccessError when a value is not fit to be sent. */
export function verifyLines({ expected, endedGeneration: generation, repair }: VerifyOrder): string[] {
  const lines =
    expected === null
      ? [generationLine(generation)]
      : [
          ...commonLines({ ...expected, generation }),
          ...checkedKeys(expected.authorizedKeys).map((key) => `key ${key}`),
        ];
  return repair ? [...lines, 'repair yes'] : lines;
}

/** The line that tells the machine our time; `now` in epoch milliseconds. */
export function timeLine(now: number): string {
  return `time ${Math.floor(now / 1000)}`;
}

function commonLines(order: RemovalOrder): string[] {
  if (!ALLOCATION.test(order.allocationId)) throw unfit('bad_answer', 'a malformed allocation');
  // A removal does not ask whether the name is a system account's: an account that we made must stay removable.
  if (!ACCOUNT_NAME.test(order.accountName) || order.accountName === 'root') {
    throw unfit('account_exists', 'a malformed account name');
  }
  return [`allocation ${order.allocationId}`, generationLine(order.generation), `account ${order.accountName}`];
}

function generationLine(generation: number): string {
  if (!Number.isSafeInteger(generation) || generation < 0) throw unfit('bad_answer', 'a malformed generation');
  return `generation ${generation}`;
}

function checkedKeys(keys: readonly string[]): readonly string[] {
  if (!keys.every((key) => KEY.test(key))) throw unfit('bad_answer', 'a malformed public key');
  return keys;
}

function unfit(code: 'account_exists' | 'bad_answer', what: string): AccessError {
  return new AccessError(code, `nothing was sent to the machine: ${what}`, 'Choose another account name or key.');
}
