import { Refusal } from '#core/domain/refusal.ts';
import type { Timeline } from './pool.ts';
import type { Workplace } from './workplace.ts';

const LONGEST_DAYS = 92;
const MOST_SPANS = 20_000;

/** See Pool.timeline. */
export async function timeline(place: Workplace, from: Date, to: Date, now: Date): Promise<Timeline> {
  if (!(from < to)) throw new Refusal('invalid_request', 'to: it has to be later than from');
  if (to.getTime() - from.getTime() > LONGEST_DAYS * 24 * 3600 * 1000) {
    throw new Refusal('invalid_request', `to: at most ${LONGEST_DAYS} days after from are shown`);
  }
  const { tables } = place.store;
  const [standings, holds] = await Promise.all([
    tables.machines.standings(),
    tables.allocations.holds(from, to, MOST_SPANS + 1),
  ]);
  return {
    machines: standings.map(({ name, state }) => ({ name, state })),
    // The newest come first; what does not fit is the oldest.
    spans: holds.slice(0, MOST_SPANS).map((one) => ({
      machine: one.machineName,
      reservationId: one.reservationId,
      holder: one.holder,
      from: one.createdAt,
      to: one.cleanedAt ?? (one.cleaningSince === null ? one.endsAt : now),
      cleaningSince: one.cleaningSince,
      state: one.state,
    })),
    truncated: holds.length > MOST_SPANS,
  };
}
