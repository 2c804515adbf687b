import { createHash, randomBytes } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import { by, type Origin } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { SecondFactorState } from '#core/store/second-factors.ts';
import type { Store, Tables } from '#core/store/store.ts';
import type { User } from '#core/store/users.ts';
import { passwordFits } from './passwords.ts';
import type { SignedIn } from './signed-in.ts';

/**
 * Codes of an authenticator app, asked for beside the password. Password and code are looked at together in one request, so
 * nobody is ever half signed in.
 */
export interface SecondFactor {
  /** A secret for the app; nothing is asked for until `confirm`. Refusals: wrong_password, invalid_request (no password), conflict (it is on already). */
  start(caller: SignedIn, password: string, now: Date): Promise<{ secret: string; uri: string }>;
  /** Turns it on, and answers the recovery codes. Refusals: wrong_code, not_found (not started). */
  confirm(caller: SignedIn, code: string, now: Date): Promise<string[]>;
  /** New recovery codes in the place of the old ones. Refusals: wrong_password, wrong_code, not_found (it is off). */
  renewCodes(caller: SignedIn, password: string, code: string, now: Date): Promise<string[]>;
  /** Refusals: wrong_password, wrong_code, not_found (it is off). */
  turnOff(caller: SignedIn, password: string, code: string, now: Date): Promise<void>;
}

const STEP_SECONDS = 30;
/** Steps that a clock may be off, each way. */
const SKEW = 1;
const SECRET_BYTES = 20;
const CODES = 10;
/** 32 of them, so 5 bits each; without i, l, o and 1, which are mistaken for one another. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz023456789';

export function createSecondFactor(store: Store): SecondFactor {
  /** What a change needs: the password is looked at outside of any transaction, because that takes long. */
  const proven = async (caller: SignedIn, password: string): Promise<void> => {
    const user = await store.tables.users.byId(caller.id);
    if (user?.passwordHash === '') {
      throw new Refusal(
        'invalid_request',
        'password: you have none here; a second factor is a matter of where you sign in',
      );
    }
    if (!user || !(await passwordFits(user.passwordHash, password))) {
      throw new Refusal('wrong_password', 'password: it is not your password');
    }
  };
  const note = async (tables: Tables, caller: SignedIn, action: string, now: Date): Promise<void> => {
    await tables.audit.add({ at: now, ...by(caller), action, subject: caller.name, details: {} });
  };

  return {
    async start(caller, password, now) {
      await proven(caller, password);
      const secret = new Secret({ buffer: new Uint8Array(randomBytes(SECRET_BYTES)).buffer }).base32;
      await store.transaction(async (tables) => {
        await tables.users.touch(caller.id);
        if (await tables.secondFactors.isOn(caller.id)) {
          throw new Refusal('conflict', 'the second factor is on already; turn it off first');
        }
        await tables.secondFactors.begin(caller.id, secret, now);
      });
      return { secret, uri: appOf(secret, caller.name).toString() };
    },

    async confirm(caller, code, now) {
      return await store.transaction(async (tables) => {
        await tables.users.touch(caller.id);
        const factor = await tables.secondFactors.of(caller.id);
        if (!factor || factor.on) throw new Refusal('not_found', 'no second factor waits to be turned on; start anew');
        const step = stepOf(opened(factor), code, now);
        if (step === null) throw new Refusal('wrong_code', 'code: it is wrong; is the clock of your device right?');
        await tables.secondFactors.spendStep(caller.id, step);
        await tables.secondFactors.turnOn(caller.id);
        const codes = await putCodes(tables, caller.id);
        await note(tables, caller, 'user.second_factor_on', now);
        return codes;
      });
    },

    async renewCodes(caller, password, code, now) {
      await proven(caller, password);
      return await store.transaction(async (tables) => {
        await spend(tables, caller, code, now);
        const codes = await putCodes(tables, caller.id);
        await note(tables, caller, 'user.recovery_codes_renewed', now);
        return codes;
      });
    },

    async turnOff(caller, password, code, now) {
      await proven(caller, password);
      await store.transaction(async (tables) => {
        await spend(tables, caller, code, now);
        await tables.secondFactors.removeOf(caller.id);
        await note(tables, caller, 'user.second_factor_off', now);
      });
    },
  };
}

/**
 * Asks for the second factor of a user whose password was right, if it is on, and uses the code up.
 * @throws Refusal `second_factor_needed` without a code, `invalid_grant` with one that is wrong or was used before.
 */
export async function checkSecondFactor(
  store: Store,
  user: User,
  code: string | undefined,
  now: Date,
  origin: Origin | null,
): Promise<void> {
  if (!(await store.tables.secondFactors.isOn(user.id))) return;
  if (code === undefined) {
    throw new Refusal('second_factor_needed', 'send also `code`: from your authenticator app, or a recovery code');
  }
  await store.transaction(async (tables) => {
    const used = await spendCode(tables, user.id, code, now);
    if (used === null) throw new Refusal('invalid_grant', 'the code is wrong, or was used already');
    if (used === 'recovery code') {
      await tables.audit.add({
        at: now,
        actor: user.username,
        action: 'user.recovery_code_used',
        subject: user.username,
        details: { left: await tables.secondFactors.countCodes(user.id) },
        origin,
      });
    }
  });
}

/** Uses up a code of somebody who is signed in. Refusals: not_found, wrong_code. */
async function spend(tables: Tables, caller: SignedIn, code: string, now: Date): Promise<void> {
  await tables.users.touch(caller.id);
  if (!(await tables.secondFactors.isOn(caller.id))) throw new Refusal('not_found', 'the second factor is off');
  if ((await spendCode(tables, caller.id, code, now)) === null) {
    throw new Refusal('wrong_code', 'code: it is wrong, or was used already');
  }
}

/** What the code was; null when it is wrong or was used before. Of several at once with the same code one gets it. */
async function spendCode(
  { secondFactors }: Tables,
  userId: string,
  code: string,
  now: Date,
): Promise<'app' | 'recovery code' | null> {
  const factor = await secondFactors.of(userId);
  if (!factor?.on) return null;
  // A recovery code needs no key: it works also where that was lost.
  if (!isOfApp(code)) return (await secondFactors.spendCode(userId, digestOf(code))) ? 'recovery code' : null;
  const step = stepOf(opened(factor), code, now);
  return step !== null && (await secondFactors.spendStep(userId, step)) ? 'app' : null;
}

/** @throws Refusal `unavailable` when no key opens the secret. */
function opened({ secret }: SecondFactorState): string {
  if (secret !== null) return secret;
  throw new Refusal(
    'unavailable',
    'the server has not the key that opens second factors; use a recovery code, and tell an admin',
  );
}

/** Six digits; a recovery code is longer. */
function isOfApp(code: string): boolean {
  return /^\d{6}$/.test(plain(code));
}

/** The step, counted from 1970, that a code is of; null when it is of none that may be used now. */
function stepOf(secret: string, code: string, now: Date): number | null {
  if (!isOfApp(code)) return null;
  const timestamp = now.getTime();
  const delta = appOf(secret, '').validate({ token: plain(code), timestamp, window: SKEW });
  return delta === null ? null : Math.floor(timestamp / 1000 / STEP_SECONDS) + delta;
}

function appOf(secret: string, label: string): TOTP {
  return new TOTP({ issuer: 'Berth', label, secret, algorithm: 'SHA1', digits: 6, period: STEP_SECONDS });
}

async function putCodes(tables: Tables, userId: string): Promise<string[]> {
  const codes = Array.from({ length: CODES }, newCode);
  await tables.secondFactors.replaceCodes(userId, codes.map(digestOf));
  return codes;
}

/** 80 random bits as `xxxx-xxxx-xxxx-xxxx`. */
function newCode(): string {
  const letters = [...randomBytes(16)].map((byte) => LETTERS[byte % 32]).join('');
  return (letters.match(/.{4}/g) as string[]).join('-');
}

/** So many random bits need no slow hash. */
function digestOf(code: string): string {
  return createHash('sha256').update(plain(code)).digest('hex');
}

/** As people type it: with spaces, in capitals. */
function plain(code: string): string {
  return code.toLowerCase().replace(/[\s-]/g, '');
}
