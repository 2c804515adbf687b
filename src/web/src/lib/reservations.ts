import type { HeldMachine } from './queries.ts';

/** An open reservation, put together from the list that has one item per machine. */
export interface Held {
  readonly id: string;
  readonly holder: string;
  readonly account: string | null;
  readonly until: string;
  readonly state: 'preparing' | 'active' | 'ending';
  readonly machines: readonly HeldMachine[];
}

/** Reservations in the order in which they end. */
export function gathered(machines: readonly HeldMachine[]): Held[] {
  const byId = Map.groupBy(machines, (one) => one.reservation_id);
  return [...byId.entries()]
    .map(([id, parts]) => {
      const [first] = parts as [HeldMachine];
      return {
        id,
        holder: first.holder,
        account: first.username,
        until: first.reserved_until,
        state: stateOf(parts),
        machines: parts,
      };
    })
    .sort((a, b) => a.until.localeCompare(b.until) || a.id.localeCompare(b.id));
}

/** One machine that was given back early is cleaned while the others stay active. */
function stateOf(parts: readonly HeldMachine[]): Held['state'] {
  if (parts.some(({ state }) => state === 'preparing')) return 'preparing';
  return parts.some(({ state }) => state === 'active') ? 'active' : 'ending';
}
