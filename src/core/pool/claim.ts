import { randomUUID } from 'node:crypto';
import { Refusal } from '#core/domain/refusal.ts';
import { DuplicateKey } from '#core/store/failures.ts';
import type { Wanted } from '#core/store/machines.ts';
import type { Tables } from '#core/store/store.ts';
import type { Workplace } from './workplace.ts';

/** Somebody else got one of the machines first. The transaction is to be run again with others. */
class LostRace extends Error {}

/** More than enough: each lost race means that somebody else has won one. */
const TRIES = 200;

/** Runs a transaction that claims machines until it has not lost a race. */
export async function withoutLosingRaces<T>(place: Workplace, work: (tables: Tables) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await place.store.transaction(work);
    } catch (error) {
      if (!(error instanceof LostRace || error instanceof DuplicateKey)) throw error;
      if (attempt === TRIES) throw new Refusal('unavailable', 'too many people reserve at this moment; try again');
    }
  }
}

/**
 * Claims `count` free machines for a reservation inside a transaction. Claiming is inserting: the schema lets one machine
 * be in one open allocation only. The claim's time is later than the end of every cleaning that made a machine free.
 * @throws Refusal `not_enough_machines` with `asked` and `free`; LostRace or DuplicateKey when the transaction must be repeated.
 */
export async function claimMachines(
  tables: Tables,
  reservationId: string,
  count: number,
  wanted: Wanted,
  clock: () => Date,
): Promise<string[]> {
  // A random place to start keeps callers who come at once out of each other's way.
  const limit = count * 2 + 16;
  const pivot = randomUUID();
  let ids = await tables.machines.freeIds(wanted, pivot, limit);
  if (ids.length < count) {
    const others = await tables.machines.freeIds(wanted, '', limit + ids.length);
    ids = [...new Set([...ids, ...others])];
  }
  if (ids.length < count) {
    const free = await tables.machines.countFree(wanted);
    if (free >= count) throw new LostRace();
    throw new Refusal('not_enough_machines', notEnough(count, free, wanted), { asked: count, free });
  }
  const claims = pick(ids, count).map((machineId) => ({ id: randomUUID() as string, machineId }));
  // Only now: what was seen as free had been cleaned before this moment.
  const claimed = await tables.allocations.claim(claims, reservationId, clock());
  if (claimed < count) throw new LostRace();
  return claims.map((claim) => claim.id);
}

/** `count` of the ids, side by side from a random one on. */
function pick(ids: readonly string[], count: number): string[] {
  const start = Math.floor(Math.random() * ids.length);
  return Array.from({ length: count }, (_, i) => ids[(start + i) % ids.length] as string);
}

function notEnough(asked: number, free: number, wanted: Wanted): string {
  const narrowed = [
    wanted.labels.length > 0 ? ` with the label${wanted.labels.length > 1 ? 's' : ''} ${wanted.labels.join(', ')}` : '',
    wanted.machines.length > 0 ? ` among ${wanted.machines.join(', ')}` : '',
  ].join('');
  return `count: you asked for ${asked} machine${asked === 1 ? '' : 's'}${narrowed}, ${free} ${free === 1 ? 'is' : 'are'} free`;
}
