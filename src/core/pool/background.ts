/** Keeps hold of work that nobody waits for, so that it is bounded and can be waited for at the end. */
export interface Background {
  /** Starts `work` as soon as fewer than the bound are running. It must handle its own errors. Does nothing when `key` is under way. */
  start(key: string, work: () => Promise<void>): void;
  /** Counts work that runs anyway. */
  track(work: Promise<unknown>): void;
  /** Resolves when nothing runs or waits. */
  idle(): Promise<void>;
  /** True once the process is going to end: nothing new is to be begun. */
  readonly closing: boolean;
  /** Begins nothing more, and resolves when what runs is done, or after `limitMs`. What has not begun is still in the database. */
  drain(limitMs: number): Promise<void>;
}

export function createBackground(bound: number): Background {
  const running = new Set<string>();
  const waiting = new Map<string, () => Promise<void>>();
  const tracked = new Set<Promise<unknown>>();
  let closing = false;

  const track = (work: Promise<unknown>): void => {
    const settled = work.then(
      () => undefined,
      () => undefined,
    );
    tracked.add(settled);
    void settled.finally(() => tracked.delete(settled));
  };
  const next = (): void => {
    for (const [key, work] of waiting) {
      if (running.size >= bound) return;
      waiting.delete(key);
      running.add(key);
      track(
        work().finally(() => {
          running.delete(key);
          next();
        }),
      );
    }
  };

  const idle = async (): Promise<void> => {
    while (tracked.size > 0) await Promise.all(tracked);
  };

  return {
    start(key, work) {
      if (closing || running.has(key) || waiting.has(key)) return;
      waiting.set(key, work);
      next();
    },
    track,
    idle,
    get closing() {
      return closing;
    },
    async drain(limitMs) {
      closing = true;
      waiting.clear();
      let timer: NodeJS.Timeout | undefined;
      const limit = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, limitMs);
      });
      await Promise.race([idle(), limit]);
      clearTimeout(timer);
    },
  };
}
