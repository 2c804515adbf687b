import type { Actor } from '#core/domain/actor.ts';
import type { PlacedAllocation } from '#core/store/allocations.ts';
import { pageEndText, readPageEnd } from './page.ts';
import type { EndedPage } from './pool.ts';
import { reservationView } from './views.ts';
import type { Workplace } from './workplace.ts';

/** See Pool.listEnded. */
export async function listEnded(
  place: Workplace,
  actor: Actor,
  filter: { mine: boolean; before?: string; limit: number },
): Promise<EndedPage> {
  const { tables } = place.store;
  const userId = actor.kind === 'user' ? actor.id : null;
  const found = await tables.reservations.ended({
    ...(filter.mine && userId !== null && { userId }),
    ...(filter.before !== undefined && { before: readPageEnd(filter.before) }),
    limit: filter.limit,
  });
  const byReservation = new Map<string, PlacedAllocation[]>(found.map(({ id }) => [id, []]));
  for (const allocation of await tables.allocations.ofReservations(found.map(({ id }) => id))) {
    byReservation.get(allocation.reservationId)?.push(allocation);
  }
  const last = found.length === filter.limit ? found.at(-1) : undefined;
  return {
    reservations: found.map((one) => ({
      ...reservationView(one, byReservation.get(one.id) ?? []),
      mine: one.userId === userId,
    })),
    next: last?.endedAt ? pageEndText({ at: last.endedAt, key: last.id }) : null,
  };
}
