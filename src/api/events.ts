import { Refusal } from '#core/domain/refusal.ts';
import type { AuditEntry, AuditPoint, Pool } from '#core/pool/pool.ts';

/** Hears of every change that any replica makes. */
interface Listener {
  readonly user: string;
  hear(entry: AuditEntry): void;
  /** There will be no more. */
  end(): void;
}

export interface Events {
  /**
   * From when this resolves, the listener hears of each change; answers how to stop it.
   * @throws Refusal `too_many_requests` when its user, or this process, has too many listeners already.
   */
  listen(listener: Listener): Promise<() => void>;
  /** Ends all listening. */
  close(): void;
}

const LOOK_EVERY_MS = 300;
const MOST_OF_USER = 20;
const MOST = 1_000;

/** One look into the audit log serves all listeners of the process; without listeners there is none. */
export function followEvents(pool: Pool): Events {
  const listeners = new Set<Listener>();
  let started: Promise<void> | null = null;

  const start = async (): Promise<void> => {
    try {
      void follow(await pool.auditEnd());
    } catch (error) {
      started = null;
      throw error;
    }
  };

  const follow = async (from: AuditPoint): Promise<void> => {
    let point = from;
    while (true) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS).unref());
      if (listeners.size === 0) break;
      try {
        const news = await pool.auditSince(point);
        point = news.point;
        for (const entry of news.entries) for (const listener of listeners) listener.hear(entry);
      } catch {
        // The database is away: the next look, from the same point, misses nothing.
      }
    }
    started = null;
  };

  return {
    async listen(listener) {
      const same = [...listeners].filter(({ user }) => user === listener.user).length;
      if (same >= MOST_OF_USER || listeners.size >= MOST) {
        throw new Refusal('too_many_requests', 'too many event streams are open; close one first');
      }
      listeners.add(listener);
      started ??= start();
      try {
        await started;
      } catch (error) {
        listeners.delete(listener);
        throw error;
      }
      return () => {
        listeners.delete(listener);
      };
    },
    close() {
      for (const listener of listeners) listener.end();
      listeners.clear();
    },
  };
}
