import type { Look } from '#core/store/audit-chain.ts';
import type { Workplace } from './workplace.ts';

/** Rows per transaction. */
const SEAL_ROWS = 500;
const PRUNE_ROWS = 1_000;
/** How often rows are looked for that became visible very late. */
const DEEP_MS = 30_000;
const DAY_MS = 24 * 3600_000;
/** Rows stay this much longer, so that they go in few and larger steps, each of which is in the log itself. */
const SLACK_MS = 3600_000;

export interface AuditKeeper {
  /** Adds what happened since the last time to the chain over the audit log. */
  seal(now: Date): Promise<void>;
  /** Deletes what is older than the retention, if there is one; the rest stays verifiable. */
  prune(now: Date): Promise<void>;
}

/** Safe in any number of processes at once: a transaction that changes the chain holds its head. */
export function createAuditKeeper({ store, auditRetentionDays = null, log }: Workplace): AuditKeeper {
  const { auditChain } = store.tables;
  let started = false;
  let deepAt = Number.NEGATIVE_INFINITY;

  const sealAll = async (look: Look, now: Date): Promise<void> => {
    if ((await auditChain.oldestUnsealed(look, now)) === undefined) return;
    // In pieces, so that nobody else waits for long.
    while ((await store.transaction((tables) => tables.auditChain.sealNext(look, SEAL_ROWS, now))) === SEAL_ROWS);
  };

  return {
    async seal(now) {
      if (!started) await auditChain.start();
      started = true;
      await sealAll('near', now);
      if (now.getTime() - deepAt < DEEP_MS) return;
      await sealAll('deep', now);
      deepAt = now.getTime();
    },

    async prune(now) {
      if (auditRetentionDays === null || !(await auditChain.isStarted())) return;
      const before = new Date(now.getTime() - auditRetentionDays * DAY_MS);
      const oldest = await auditChain.oldestKept();
      if (!oldest || oldest.getTime() > before.getTime() - SLACK_MS) return;
      for (let rows = PRUNE_ROWS; rows === PRUNE_ROWS; ) {
        rows = await store.transaction(async (tables) => {
          const pruned = await tables.auditChain.prune(before, PRUNE_ROWS);
          if (!pruned) return 0;
          const { rows, from, until, anchor } = pruned;
          await tables.audit.add({
            at: now,
            actor: 'scheduler',
            action: 'audit.pruned',
            subject: 'audit',
            details: { rows, from, until, anchor, retention_days: auditRetentionDays },
          });
          return rows;
        });
        if (rows > 0) log.info({ rows }, 'old audit rows are deleted');
      }
    },
  };
}
