import { type Actor, isAdmin } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { PlacedAllocation } from '#core/store/allocations.ts';
import type { Reservation } from '#core/store/reservations.ts';
import type { Tables } from '#core/store/store.ts';
import type { Pool, ReservationView } from './pool.ts';
import { reservationView } from './views.ts';
import type { Workplace } from './workplace.ts';

/** The latest are shown; a preparation is given up long before there are so many. */
const MOST_SWAPS = 100;

/** See Pool.listReservations. */
export async function listReservations(place: Workplace, filter: { holder?: string }): Promise<ReservationView[]> {
  const { tables } = place.store;
  const byReservation = new Map<string, PlacedAllocation[]>();
  for (const allocation of await tables.allocations.open(filter.holder)) {
    const others = byReservation.get(allocation.reservationId);
    if (others) others.push(allocation);
    else byReservation.set(allocation.reservationId, [allocation]);
  }
  const reservations = await tables.reservations.byIds([...byReservation.keys()]);
  return reservations
    .sort((a, b) => a.endsAt.getTime() - b.endsAt.getTime() || (a.id < b.id ? -1 : 1))
    .map((reservation) => reservationView(reservation, byReservation.get(reservation.id) ?? []));
}

/** See Pool.getReservation. */
export async function getReservation(place: Workplace, actor: Actor, id: string): ReturnType<Pool['getReservation']> {
  const { tables } = place.store;
  const reservation = mayTouch(actor, id, await tables.reservations.byId(id));
  const [allocations, swaps] = await Promise.all([
    tables.allocations.ofReservation(id),
    tables.audit.list({ subject: id, action: 'reservation.machine_swapped', limit: MOST_SWAPS }),
  ]);
  const swapped = swaps
    .reverse()
    .map(({ at, details }) => ({ at, machine: String(details['machine']), reason: String(details['reason']) }));
  return { ...reservationView(reservation, allocations), swapped };
}

/** @throws Refusal `not_found`. */
export async function loadReservation(tables: Tables, id: string): Promise<ReservationView> {
  const reservation = await tables.reservations.byId(id);
  if (!reservation) throw noSuchReservation(id);
  return reservationView(reservation, await tables.allocations.ofReservation(id));
}

/**
 * The reservation, if the actor holds it or is an admin.
 * @throws Refusal `not_found`, also for a foreign one: who may not see it does not learn that it exists.
 */
export function mayTouch(actor: Actor, id: string, reservation: Reservation | undefined): Reservation {
  const allowed = reservation && (isAdmin(actor) || (actor.kind === 'user' && actor.id === reservation.userId));
  if (!allowed) throw noSuchReservation(id);
  return reservation;
}

function noSuchReservation(id: string): Refusal {
  return new Refusal('not_found', `reservation: there is no reservation ${id} of yours`);
}
