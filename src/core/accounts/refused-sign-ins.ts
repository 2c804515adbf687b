import { Refusal, type RefusalCode } from '#core/domain/refusal.ts';
import type { Store } from '#core/store/store.ts';

/** Notes refused sign-ins in the audit log, so that nobody can fill the disk with them. */
export interface RefusedSignIns {
  /**
   * Does `work`, which lets somebody in or throws. Of one address the first refusal in a minute is noted at once, and how
   * many more there were when the minute is over. Many addresses at once are counted together.
   */
  watch<T>(address: string, username: string, now: Date, work: () => Promise<T>): Promise<T>;
  /** Notes a refusal that came about elsewhere, in the same way. */
  note(address: string, username: string, reason: string, now: Date): void;
  /** Notes what was only counted so far. */
  flush(): Promise<void>;
}

const NOTED: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'invalid_grant',
  'wrong_password',
  'wrong_code',
  'too_many_requests',
]);
const WINDOW_MS = 60_000;
/** Addresses that are told apart in one minute; a process writes at most twice as many rows in it. */
const MOST_ADDRESSES = 50;
const MOST_NAMES = 10;
const MANY = '(many addresses)';
/** Who has not shown who they are. */
const NOBODY = 'nobody';
const UNKNOWN = '(unknown name)';

interface Window {
  readonly since: Date;
  last: Date;
  more: number;
  readonly names: Set<string>;
}

export function createRefusedSignIns(store: Store): RefusedSignIns {
  let windows = new Map<string, Window>();
  let since = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  const writing = new Set<Promise<void>>();

  const write = (work: () => Promise<void>): void => {
    // A log that cannot be written must not change the answer; the database being away shows elsewhere.
    const written = work().catch(() => undefined);
    writing.add(written);
    void written.finally(() => writing.delete(written));
  };
  /** What somebody typed for a name may be a password: only names that exist are written down. */
  const known = async (username: string): Promise<string> =>
    (await store.tables.users.byName(username))?.username ?? UNKNOWN;

  const add = async (at: Date, address: string, subject: string, details: Record<string, unknown>): Promise<void> => {
    await store.tables.audit.add({
      at,
      actor: NOBODY,
      action: 'user.sign_in_refused',
      subject,
      details,
      origin: { address, sessionId: null, apiToken: null },
    });
  };

  const closeWindows = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const ended = windows;
    windows = new Map();
    write(async () => {
      for (const [address, { since, last, more, names }] of ended) {
        if (more === 0) continue;
        const subjects = [...new Set(await Promise.all([...names].map(known)))];
        await add(last, address, subjects.length === 1 ? (subjects[0] as string) : '(several names)', {
          more,
          since: since.toISOString(),
          ...(subjects.length > 1 && { names: subjects }),
        });
      }
    });
  };

  const note = (from: string, username: string, reason: string, now: Date): void => {
    if (now.getTime() - since >= WINDOW_MS) {
      if (windows.size > 0) closeWindows();
      since = now.getTime();
    }
    const address = windows.has(from) || windows.size < MOST_ADDRESSES ? from : MANY;
    const window = windows.get(address);
    if (window) {
      window.more += 1;
      window.last = now;
      if (window.names.size < MOST_NAMES) window.names.add(username);
      return;
    }
    windows.set(address, { since: now, last: now, more: 0, names: new Set() });
    timer ??= setTimeout(closeWindows, WINDOW_MS).unref();
    write(async () => add(now, address, await known(username), { reason }));
  };

  return {
    note,
    async watch(address, username, now, work) {
      try {
        return await work();
      } catch (error) {
        if (error instanceof Refusal && NOTED.has(error.code)) note(address, username, error.code, now);
        throw error;
      }
    },
    async flush() {
      closeWindows();
      await Promise.all(writing);
    },
  };
}
