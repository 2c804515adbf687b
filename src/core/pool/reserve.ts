import { createHash, randomUUID } from 'node:crypto';
import { checkedAccountName } from '#core/domain/account-name.ts';
import { type Actor, by, isAdmin } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import { MAX_MACHINES_PER_RESERVATION, MAX_MINUTES } from '#core/domain/reservation.ts';
import type { Wanted } from '#core/store/machines.ts';
import type { Reservation } from '#core/store/reservations.ts';
import { claimMachines, withoutLosingRaces } from './claim.ts';
import { refuseBeyondLimits } from './limits.ts';
import type { ReserveAnswer, ReserveRequest } from './pool.ts';
import { prepare, settlement } from './prepare.ts';
import { loadReservation } from './show-reservations.ts';
import { LEASE_MS, type Workplace } from './workplace.ts';

/** See Pool.reserve. */
export async function reserve(
  place: Workplace,
  actor: Actor,
  request: ReserveRequest,
  now: Date,
): Promise<ReserveAnswer> {
  if (actor.kind !== 'user') throw new Refusal('forbidden', 'only people can reserve machines');
  const accountName = checkedRequest(actor, request);
  const wanted: Wanted = { labels: [...(request.labels ?? [])], machines: [...new Set(request.machines ?? [])] };
  const requestDigest = digestOf(request, accountName, wanted);

  const madePassword = request.password === undefined && !request.sshPublicKeys?.length ? place.passwords.make() : null;
  const password = request.password ?? madePassword;
  const reservation: Reservation = {
    id: randomUUID(),
    userId: actor.id,
    holder: actor.name,
    accountName,
    state: 'preparing',
    machineCount: request.count,
    passwordHash: password === null ? null : await place.passwords.hash(password),
    authorizedKeys: request.sshPublicKeys ?? [],
    wanted,
    idempotencyKey: request.idempotencyKey ?? null,
    requestDigest,
    leaseOwner: place.workerId,
    leaseUntil: new Date(now.getTime() + LEASE_MS),
    startsAt: now,
    endsAt: new Date(now.getTime() + request.minutes * 60_000),
    endedAt: null,
    endReason: null,
  };

  const earlier = await withoutLosingRaces(place, async (tables) => {
    if (!(await tables.users.keepActive(actor.id))) {
      throw new Refusal('unauthorized', 'the user may not sign in any more');
    }
    if (reservation.idempotencyKey !== null) {
      const found = await tables.reservations.byIdempotencyKey(actor.id, reservation.idempotencyKey);
      if (found) return found;
    }
    const unknown = await tables.machines.unknownNames(wanted.machines);
    if (unknown.length > 0) throw new Refusal('not_found', `machines: there is no machine named ${unknown.join(', ')}`);
    const { count: machines, minutes } = request;
    const wish = { machines, reservations: 1, minutes, msAhead: machines * minutes * 60_000 };
    await refuseBeyondLimits(tables, actor, { id: actor.id, name: actor.name }, wish, now);
    await tables.reservations.insert(reservation);
    await claimMachines(tables, reservation.id, request.count, wanted, place.clock);
    await tables.audit.add({
      at: now,
      ...by(actor),
      action: 'reservation.made',
      subject: reservation.id,
      details: { count: request.count, minutes: request.minutes, accountName, ...wanted },
    });
    return null;
  });

  if (earlier) {
    if (earlier.requestDigest !== requestDigest) {
      throw new Refusal(
        'idempotency_key_reused',
        'Idempotency-Key: this key was used for another request; choose a new one',
      );
    }
    return {
      reservation: await loadReservation(place.store.tables, earlier.id),
      madePassword: null,
      settled: handled(settlement(place, earlier.id)),
    };
  }
  const settled = handled(prepare(place, reservation.id));
  return { reservation: await loadReservation(place.store.tables, reservation.id), madePassword, settled };
}

function checkedRequest(actor: Actor, request: ReserveRequest): string {
  whole('count', request.count, 1, MAX_MACHINES_PER_RESERVATION);
  whole('duration', request.minutes, 1, MAX_MINUTES);
  if (request.machines && request.machines.length > 0 && new Set(request.machines).size < request.count) {
    throw new Refusal('invalid_request', 'machines: name at least as many machines as count says');
  }
  if (request.accountName !== undefined && request.accountName !== actor.name && !isAdmin(actor)) {
    throw new Refusal('forbidden', 'username: only an admin may choose an account name other than the own one');
  }
  return checkedAccountName(request.accountName ?? actor.name);
}

function whole(field: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new Refusal('invalid_request', `${field}: a whole number from ${least} to ${most} is needed`);
  }
}

/** Tells a repeated request from another one. The password is left out: a digest of it could be guessed from. */
function digestOf(request: ReserveRequest, accountName: string, wanted: Wanted): string {
  const { count, minutes, sshPublicKeys = [], password } = request;
  const parts = [count, minutes, accountName, wanted.labels, wanted.machines, sshPublicKeys, password !== undefined];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** The same promise; a rejection that nobody waits for is no accident. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
