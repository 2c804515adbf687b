import { Refusal } from '#core/domain/refusal.ts';
import type { PageFrom } from '#core/store/page-from.ts';
import { type PageEnd, pageEndText, readPageEnd } from './page.ts';
import type { HistoryEntry, HistoryPage } from './pool.ts';
import type { Workplace } from './workplace.ts';

const KEY = /^(a\d{1,15}|r[0-9a-f-]{36})$/;

type Keyed = HistoryEntry & { readonly key: string };

/**
 * See Pool.machineHistory. It is put together of two lists: the audit log has what was done to the machine, the allocations
 * have who got it. Keys `a` + id and `r` + id tell entries of one moment apart; of one moment the later key is the newer.
 */
export async function machineHistory(
  place: Workplace,
  name: string,
  { before, limit }: { before?: string; limit: number },
): Promise<HistoryPage> {
  const { tables } = place.store;
  const end = before === undefined ? null : readPageEnd(before);
  if (end !== null && end.key !== null && !KEY.test(end.key)) {
    throw new Refusal('invalid_request', 'before: this is not the next of a page of this list');
  }
  const [audit, claims] = await Promise.all([
    tables.audit.ofMachine(name, pageFrom(end, 'a'), limit + 1),
    tables.allocations.claimsOf(name, pageFrom(end, 'r'), limit + 1),
  ]);
  if (end === null && audit.length + claims.length === 0 && !(await tables.machines.byNameWithHolder(name))) {
    throw new Refusal('not_found', `machine: there is no machine named "${name}", and there was none`);
  }
  const holders = await holdersOf(
    place,
    audit.map(({ details }) => details['reservation']).filter((id) => typeof id === 'string'),
  );
  const entries: Keyed[] = [
    ...audit.map(({ id, at, action, actor, details }) => {
      const reservationId = typeof details['reservation'] === 'string' ? details['reservation'] : null;
      return {
        key: `a${id}`,
        at,
        action,
        actor,
        holder: reservationId === null ? null : (holders.get(reservationId) ?? null),
        reservationId,
        reason: typeof details['reason'] === 'string' ? details['reason'] : null,
      };
    }),
    ...claims.map(({ id, at, reservationId, holder }) => ({
      key: `r${id}`,
      at,
      action: 'machine.reserved',
      actor: holder,
      holder,
      reservationId,
      reason: null,
    })),
  ].sort(newestFirst);
  const page = entries.slice(0, limit);
  const last = entries.length > limit ? page.at(-1) : undefined;
  return { entries: page.map(({ key: _, ...entry }) => entry), next: last ? pageEndText(last) : null };
}

/** Where one of the two lists goes on after an entry that may be of the other one. */
function pageFrom(end: PageEnd | null, kind: 'a' | 'r'): PageFrom | null {
  if (end === null || end.key === null) return end && { at: end.at, including: false, beforeId: null };
  if (end.key[0] === kind) return { at: end.at, including: false, beforeId: end.key.slice(1) };
  // Of the same moment, all of `r` come before all of `a`.
  return { at: end.at, including: kind === 'a', beforeId: null };
}

function newestFirst(one: Keyed, other: Keyed): number {
  const difference = other.at.getTime() - one.at.getTime();
  if (difference !== 0) return difference;
  const kinds = other.key.charCodeAt(0) - one.key.charCodeAt(0);
  if (kinds !== 0) return kinds;
  if (one.key[0] === 'a') return Number(other.key.slice(1)) - Number(one.key.slice(1));
  return one.key < other.key ? 1 : -1;
}

async function holdersOf(place: Workplace, ids: readonly string[]): Promise<Map<string, string>> {
  const reservations = await place.store.tables.reservations.byIds([...new Set(ids)]);
  return new Map(reservations.map(({ id, holder }) => [id, holder]));
}
