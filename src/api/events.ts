import type { AuditEntry, Pool } from '#core/pool/pool.ts';

/** Hears of every change that any replica makes. */
export type Listener = (entry: AuditEntry) => void;

export interface Events {
  /** Calls `listener` for each change from now on, and `onEnd` when there will be no more; answers how to stop it. */
  listen(listener: Listener, onEnd: () => void): () => void;
  /** Ends all listening. */
  close(): void;
}

const LOOK_EVERY_MS = 300;

/** One look into the audit log serves all listeners of the process; without listeners there is none. */
export function followEvents(pool: Pool): Events {
  const listeners = new Map<Listener, () => void>();
  let timer: NodeJS.Timeout | null = null;
  let following = false;

  const follow = async (): Promise<void> => {
    following = true;
    let point = await pool.auditEnd().catch(() => null);
    while (listeners.size > 0) {
      await new Promise<void>((resolve) => {
        timer = setTimeout(resolve, LOOK_EVERY_MS);
      });
      try {
        point ??= await pool.auditEnd();
        const news = await pool.auditSince(point);
        point = news.point;
        for (const entry of news.entries) for (const listener of listeners.keys()) listener(entry);
      } catch {
        // The database is away: the next look, from the same point, misses nothing.
      }
    }
    following = false;
  };

  return {
    listen(listener, onEnd) {
      listeners.set(listener, onEnd);
      if (!following) void follow();
      return () => listeners.delete(listener);
    },
    close() {
      for (const onEnd of [...listeners.values()]) onEnd();
      listeners.clear();
      timer?.unref();
    },
  };
}
