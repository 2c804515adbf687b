import { type Actor, by } from '#core/domain/actor.ts';
import { wholeMinutes } from '#core/domain/limits.ts';
import { Refusal } from '#core/domain/refusal.ts';
import { MAX_MINUTES } from '#core/domain/reservation.ts';
import { refuseBeyondLimits } from './limits.ts';
import type { ReservationView } from './pool.ts';
import { loadReservation, mayTouch } from './show-reservations.ts';
import type { Workplace } from './workplace.ts';

/** See Pool.extend. */
export async function extend(
  place: Workplace,
  actor: Actor,
  id: string,
  minutes: number,
  now: Date,
): Promise<ReservationView> {
  if (!Number.isInteger(minutes) || minutes === 0 || Math.abs(minutes) > MAX_MINUTES) {
    throw new Refusal(
      'invalid_request',
      `minutes: a whole number from -${MAX_MINUTES} to ${MAX_MINUTES}, not 0, is needed`,
    );
  }
  return await place.store.transaction(async (tables) => {
    const reservation = mayTouch(actor, id, await tables.reservations.byId(id));
    const endsAt = new Date(reservation.endsAt.getTime() + minutes * 60_000);
    if (reservation.state === 'preparing') {
      throw new Refusal('conflict', 'reservation: it is still being prepared; extend it once it is active');
    }
    if (reservation.state !== 'active' || reservation.endsAt <= now) {
      throw new Refusal('reservation_over', `reservation ${id} is over; make a new one`);
    }
    if (endsAt <= now) {
      throw new Refusal(
        'invalid_request',
        'minutes: the new end would be in the past; release the reservation instead',
      );
    }
    if (endsAt.getTime() - now.getTime() > MAX_MINUTES * 60_000) {
      throw new Refusal('invalid_request', `minutes: a reservation ends at most ${MAX_MINUTES} minutes from now`);
    }
    if (minutes > 0) {
      const { userId, holder, startsAt } = reservation;
      await tables.users.touch(userId);
      const allocations = await tables.allocations.ofReservation(id);
      const machines = allocations.filter((one) => one.state === 'active').length;
      const wish = {
        machines: 0,
        reservations: 0,
        minutes: wholeMinutes(endsAt.getTime() - startsAt.getTime()),
        msAhead: machines * minutes * 60_000,
      };
      await refuseBeyondLimits(tables, actor, { id: userId, name: holder }, wish, now);
    }
    if (!(await tables.reservations.moveEnd(id, reservation.endsAt, endsAt))) {
      throw new Refusal('conflict', 'reservation: somebody else changed its end at this moment; look and try again');
    }
    await tables.audit.add({
      at: now,
      ...by(actor),
      action: 'reservation.extended',
      subject: id,
      details: { minutes, before: reservation.endsAt.toISOString(), after: endsAt.toISOString() },
    });
    return await loadReservation(tables, id);
  });
}
