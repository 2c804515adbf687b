import { createHash, randomBytes } from 'node:crypto';
import { Refusal } from '#core/domain/refusal.ts';
import type { Store } from '#core/store/store.ts';
import type { TicketCaller } from './terminals.ts';

const LIFE_SECONDS = 30;
const MOST_OF_USER = 20;

export const ticketDigest = (ticket: string): string => createHash('sha256').update(ticket).digest('hex');

/** See Terminals.issueTicket. */
export async function issueTicket(
  store: Store,
  caller: TicketCaller,
  reservationId: string,
  machine: string,
  now: Date,
): Promise<{ ticket: string; expiresInSeconds: number }> {
  const allocationId = await ownActiveAllocation(store, caller.id, reservationId, machine, now);
  const { terminalTickets } = store.tables;
  await terminalTickets.removeExpired(now);
  if ((await terminalTickets.countOf(caller.id)) >= MOST_OF_USER) {
    throw new Refusal('too_many_requests', `too many terminals at once; try again in ${LIFE_SECONDS} s`, {
      retry_after_seconds: LIFE_SECONDS,
    });
  }
  const ticket = randomBytes(32).toString('base64url');
  await terminalTickets.insert({
    hash: ticketDigest(ticket),
    userId: caller.id,
    sessionId: caller.sessionId,
    tokenVersion: caller.tokenVersion,
    allocationId,
    expiresAt: new Date(now.getTime() + LIFE_SECONDS * 1000),
  });
  return { ticket, expiresInSeconds: LIFE_SECONDS };
}

/** A shell is for the holder alone: an admin, too, gets none on what somebody else holds. */
async function ownActiveAllocation(
  store: Store,
  userId: string,
  reservationId: string,
  machine: string,
  now: Date,
): Promise<string> {
  const reservation = await store.tables.reservations.byId(reservationId);
  if (reservation?.userId !== userId) {
    throw new Refusal('not_found', `reservation: you have no reservation ${reservationId}`);
  }
  const ofMachine = (await store.tables.allocations.ofReservation(reservationId)).filter(
    (one) => one.machineName === machine,
  );
  if (ofMachine.length === 0) {
    throw new Refusal('not_found', `machine: this reservation has no machine named ${machine}`);
  }
  if (reservation.state === 'preparing') {
    throw new Refusal('conflict', 'reservation: it is still being prepared; open a terminal once it is active');
  }
  const active = ofMachine.find((one) => one.state === 'active');
  if (!active || reservation.endsAt <= now) throw reservationOver();
  return active.id;
}

export function reservationOver(): Refusal {
  return new Refusal('reservation_over', 'the reservation of this machine is over');
}
