import { createHash } from 'node:crypto';
import { Refusal, type RefusalCode } from '#core/domain/refusal.ts';
import { DuplicateKey, WriteConflict } from '#core/store/failures.ts';
import type { SignInTries, Tries } from '#core/store/sign-in-tries.ts';
import type { Store } from '#core/store/store.ts';
import { networkOf } from './network-of.ts';
import { createTurns } from './turns.ts';

/**
 * Slows down the guessing of passwords, by counting failed tries in the database: it holds across processes and restarts.
 *
 * Tries are counted for the address, for the name, and for both together. From where a user has signed in before, only
 * the last one counts: nobody can lock a user out of there from anywhere else.
 */
export interface Throttle {
  /**
   * Does `work`, which looks at a password. A try is counted before its password is looked at, so that many at once do not
   * slip through, and taken back unless the password was wrong. Success forgets earlier mistakes, but not where it shows
   * a `part` of what a sign-in asks for: with the password alone, wrong codes stay counted.
   * @throws Refusal `too_many_requests` with `retry_after_seconds`, or `unavailable` when too many sign in at this moment.
   */
  guard<T>(address: string, username: string, now: Date, work: () => Promise<T>, shows?: 'all' | 'part'): Promise<T>;
}

const WRONG: ReadonlySet<RefusalCode> = new Set<RefusalCode>(['invalid_grant', 'wrong_password', 'wrong_code']);
/** Failed tries before the pauses begin: a person who mistypes. */
const FREE_FOR_NAME = 10;
/** Of one address for all names: an office behind one address. */
const FREE_OF_ADDRESS = 50;
/** Each further failed try doubles the pause. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;
/** After that much time without a failed try all is as if there had been none. */
const FORGET_MS = 3_600_000;
/** How long a place stays known without being used, and how many a user has. */
const PLACE_LIFE_MS = 90 * 24 * 3_600_000;
const MOST_PLACES = 20;
/** A hash keeps a core busy, and one of Node's four threads, which others need too. */
const AT_ONCE = 2;
const LONGEST_LINE = 64;
/** Of one user from one known place, or of one network, running and waiting: nobody fills the line for all. */
const MOST_OF_ONE = 32;
/** Rows kept: what is tried for names that do not exist must not fill the disk. */
const MOST_ROWS = 100_000;
/** The part that is left when there are more. */
const TRIM_TO = 0.9;
/** New rows of this process between two looks at how many there are. */
const TRIM_EVERY = 500;

/** What tries are counted for. */
interface Counter {
  readonly id: string;
  readonly free: number;
}
/** A counter that has counted a try: the pause before it, and the one that this try began. */
interface Counted {
  readonly id: string;
  readonly pausedBefore: Date;
  readonly pausedUntil: Date;
}

export function createThrottle(store: Store, { mostRows = MOST_ROWS } = {}): Throttle {
  const turns = createTurns(
    { atOnce: AT_ONCE, longestLine: LONGEST_LINE, mostOfOne: MOST_OF_ONE },
    () => new Refusal('unavailable', 'too many sign in at this moment; try again in a second'),
  );
  let untilTrim = 0;

  return {
    async guard(address, username, now, work, shows = 'all') {
      const network = networkOf(address);
      const both = counterOf(FREE_FOR_NAME, 'both', network, username);
      const ofAddress = counterOf(FREE_OF_ADDRESS, 'address', network);
      const ofName = counterOf(FREE_FOR_NAME, 'name', username);
      // In one order, so that two transactions do not wait for each other.
      const all = [both, ofAddress, ofName].sort((a, b) => (a.id < b.id ? -1 : 1));
      const known = await store.tables.signInPlaces.known(username, network, earlier(now, PLACE_LIFE_MS));
      const binding = known ? [both] : [ofAddress, ofName];
      refusePaused(await store.tables.signInTries.of(all.map(({ id }) => id)), binding, now);

      return await turns.take(known ? 'first' : 'rest', known ? both.id : ofAddress.id, async () => {
        if (untilTrim <= 0) {
          untilTrim = TRIM_EVERY;
          await trim(store.tables.signInTries, mostRows, now);
        }
        const { counted, added, others } = await begin(store, all, binding, ofAddress, now);
        untilTrim -= added;
        try {
          const result = await work();
          await settle(store, counted, shows === 'part' ? null : { username, network, both: both.id, now });
          return result;
        } catch (error) {
          const wrong = error instanceof Refusal && WRONG.has(error.code);
          if (!wrong) await settle(store, counted, null);
          // All other names get this answer from here at the moment, so one that is known here must not stand out.
          else if (others > 0) throw tooMany(others);
          throw error;
        }
      });
    },
  };
}

/** Counts a try in all counters, or in none. `others` is the pause, in seconds, of the address for names not known there. */
async function begin(
  store: Store,
  all: readonly Counter[],
  binding: readonly Counter[],
  ofAddress: Counter,
  now: Date,
): Promise<{ counted: Counted[]; added: number; others: number }> {
  return await store.transaction(async ({ signInTries }) => {
    const found = await signInTries.of(
      all.map(({ id }) => id),
      true,
    );
    refusePaused(found, binding, now);
    const counted: Counted[] = [];
    for (const { id, free } of all) {
      const before = found.get(id);
      const tries = oneMore(before, free, now);
      if (before) await signInTries.update(id, tries);
      else await insertFirst(signInTries, id, tries);
      counted.push({ id, pausedBefore: before?.pausedUntil ?? new Date(0), pausedUntil: tries.pausedUntil });
    }
    return { counted, added: all.length - found.size, others: pauseOf(found, [ofAddress], now) };
  });
}

/** Takes a try back. Where the password was right, the user's mistakes there are forgotten and the place is known. */
async function settle(
  store: Store,
  counted: readonly Counted[],
  right: { username: string; network: string; both: string; now: Date } | null,
): Promise<void> {
  await store.transaction(async ({ signInTries, signInPlaces, users }) => {
    for (const one of counted) {
      if (one.id === right?.both) await signInTries.remove(one.id);
      else await signInTries.takeBack(one.id, one.pausedUntil, one.pausedBefore);
    }
    const user = right && (await users.byName(right.username));
    if (!user) return;
    const isNew = await signInPlaces.seen(user.id, right.network, right.now);
    if (isNew) await signInPlaces.keepNewest(user.id, MOST_PLACES);
  });
}

async function trim(signInTries: SignInTries, mostRows: number, now: Date): Promise<void> {
  await signInTries.removeForgotten(now);
  const rows = await signInTries.count();
  if (rows > mostRows) await signInTries.removeLeast(rows - Math.floor(mostRows * TRIM_TO));
}

async function insertFirst(signInTries: SignInTries, id: string, tries: Tries): Promise<void> {
  try {
    await signInTries.insert(id, tries);
  } catch (error) {
    // Another try came first: this one has to see it.
    throw error instanceof DuplicateKey ? new WriteConflict(error) : error;
  }
}

function oneMore(before: Tries | undefined, free: number, now: Date): Tries {
  const failed = 1 + (before && before.forgetAt > now ? before.failed : 0);
  const pauseMs = failed < free ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failed - free));
  const pausedUntil = Math.max(before?.pausedUntil.getTime() ?? 0, pauseMs === 0 ? 0 : now.getTime() + pauseMs);
  return {
    failed,
    pausedUntil: new Date(pausedUntil),
    forgetAt: new Date(Math.max(pausedUntil, now.getTime()) + FORGET_MS),
  };
}

function refusePaused(found: ReadonlyMap<string, Tries>, counters: readonly Counter[], now: Date): void {
  const seconds = pauseOf(found, counters, now);
  if (seconds > 0) throw tooMany(seconds);
}

/** Whole seconds until none of them is paused; 0 when none is. */
function pauseOf(found: ReadonlyMap<string, Tries>, counters: readonly Counter[], now: Date): number {
  const ends = counters.map(({ id }) => found.get(id)?.pausedUntil.getTime() ?? 0);
  return Math.max(0, Math.ceil((Math.max(...ends) - now.getTime()) / 1000));
}

function tooMany(seconds: number): Refusal {
  return new Refusal('too_many_requests', `too many failed tries to sign in; try again in ${seconds} s`, {
    retry_after_seconds: seconds,
  });
}

/** Hashed: the row has the same size whatever is tried as a name, and a password that was typed as one is not kept. */
function counterOf(free: number, ...of: string[]): Counter {
  return { id: createHash('sha256').update(JSON.stringify(of)).digest('hex'), free };
}

function earlier(now: Date, ms: number): Date {
  return new Date(now.getTime() - ms);
}
