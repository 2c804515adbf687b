import { isIPv4 } from 'node:net';
import { Refusal, type RefusalCode } from '#core/domain/refusal.ts';

/**
 * Slows down the guessing of passwords. Only failed tries count, so people who know their password never meet it. Each
 * process counts for itself, in memory.
 */
export interface LoginLimit {
  /**
   * Counts a try before its password is looked at, so that many at once do not slip through; answers what takes it back
   * when it went well.
   * @throws Refusal `too_many_requests` with `retry_after_seconds`.
   */
  begin(address: string, username: string, now: Date): () => void;
}

const WRONG: ReadonlySet<RefusalCode> = new Set<RefusalCode>(['invalid_grant', 'wrong_password']);
const WINDOW_MS = 60_000;
/** Failed tries per minute of one address for one name: a person who mistypes. */
const OF_ADDRESS_FOR_NAME = 10;
/** Of one address for all names: an office behind one address. */
const OF_ADDRESS = 60;
/** For one name from everywhere. Far above what one address gets, which cannot lock somebody out this way. */
const FOR_NAME = 200;
/** Entries kept at most; beyond it the oldest go first. */
const KEPT = 50_000;

export function createLoginLimit(): LoginLimit {
  const counts = new Map<string, { failed: number; endsAt: number }>();

  const countOf = (key: string, now: number) => {
    const known = counts.get(key);
    if (known && known.endsAt > now) return known;
    const fresh = { failed: 0, endsAt: now + WINDOW_MS };
    counts.delete(key);
    counts.set(key, fresh);
    // All windows are equally long, so the first entry is the one that ends first.
    for (const [oldest, { endsAt }] of counts) {
      if (endsAt > now && counts.size <= KEPT) break;
      counts.delete(oldest);
    }
    return fresh;
  };

  return {
    begin(address, username, now) {
      const name = username.trim().toLowerCase();
      const from = networkOf(address);
      const taken: { failed: number }[] = [];
      for (const [key, most] of [
        [`address ${from}`, OF_ADDRESS],
        [`both ${from} ${name}`, OF_ADDRESS_FOR_NAME],
        [`name ${name}`, FOR_NAME],
      ] as const) {
        const count = countOf(key, now.getTime());
        if (count.failed >= most) {
          for (const one of taken) one.failed -= 1;
          const seconds = Math.max(1, Math.ceil((count.endsAt - now.getTime()) / 1000));
          throw new Refusal('too_many_requests', `too many failed tries to sign in; try again in ${seconds} s`, {
            retry_after_seconds: seconds,
          });
        }
        count.failed += 1;
        taken.push(count);
      }
      return () => {
        for (const one of taken) one.failed -= 1;
      };
    },
  };
}

/** An IPv6 customer has at least a whole /64 of addresses; counting each by itself would count nothing. */
function networkOf(address: string): string {
  if (isIPv4(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? [];
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  return [...front, ...Array<string>(zeros).fill('0'), ...back].slice(0, 4).join(':');
}

/** Does `work`, which looks at a password; only a wrong password counts as a failed try. */
export async function guarded<T>(
  limit: LoginLimit,
  address: string,
  username: string,
  now: Date,
  work: () => Promise<T>,
): Promise<T> {
  const takeBack = limit.begin(address, username, now);
  try {
    const result = await work();
    takeBack();
    return result;
  } catch (error) {
    if (!(error instanceof Refusal && WRONG.has(error.code))) takeBack();
    throw error;
  }
}
