import type { RemovalCheck, RemovalReport } from '#core/access/driver.ts';
import type { RemovalView } from './pool.ts';

/** What is kept of a removal that succeeded. Times are ours, in ISO 8601; tries include the last one. */
export interface StoredRemoval extends RemovalReport {
  readonly startedAt: string;
  readonly endedAt: string;
  readonly tries: number;
}

/** Also of what older versions have stored, which knew less. */
export function removalView(stored: unknown, cleanedAt: Date | null): RemovalView | null {
  if (stored === null || stored === undefined) return null;
  const removal = stored as Partial<StoredRemoval>;
  return {
    outcome: removal.outcome ?? 'removed',
    uid: removal.uid ?? null,
    processesEnded: removal.processesEnded ?? 0,
    processesKilled: removal.processesKilled ?? null,
    sessionsEnded: removal.sessionsEnded ?? null,
    filesRemoved: removal.filesRemoved ?? 0,
    filesIn: removal.filesIn ?? null,
    checked: (removal.checked ?? []) as readonly RemovalCheck[],
    startedAt: removal.startedAt === undefined ? null : new Date(removal.startedAt),
    endedAt: removal.endedAt === undefined ? cleanedAt : new Date(removal.endedAt),
    tries: removal.tries ?? null,
  };
}
