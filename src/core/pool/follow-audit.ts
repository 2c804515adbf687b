import type { Store } from '#core/store/store.ts';
import type { AuditEntry, AuditPoint } from './pool.ts';

/**
 * Ids are given out before their transactions commit, so a smaller id may appear after a larger one. Each look goes back
 * this many ids and leaves out what was seen before.
 */
const LOOK_BACK = 200;
const MOST = 1_000;

/** See Pool.auditSince. */
export async function auditSince(
  store: Store,
  point: AuditPoint,
): Promise<{ entries: AuditEntry[]; point: AuditPoint }> {
  const found = await store.tables.audit.after(point.lastId - LOOK_BACK, MOST);
  const entries = found.filter((entry) => !point.seen.has(entry.id));
  const lastId = Math.max(point.lastId, ...found.map((entry) => entry.id));
  return { entries, point: { lastId, seen: new Set(found.map((entry) => entry.id)) } };
}

/** See Pool.auditEnd. */
export async function auditEnd(store: Store): Promise<AuditPoint> {
  const lastId = await store.tables.audit.lastId();
  const recent = await store.tables.audit.after(lastId - LOOK_BACK, MOST);
  return { lastId, seen: new Set(recent.map((entry) => entry.id)) };
}
