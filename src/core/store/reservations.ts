import type { Kysely } from 'kysely';
import { statesBefore } from '#core/domain/moves.ts';
import { type EndReason, RESERVATION_MOVES, type ReservationState } from '#core/domain/reservation.ts';
import type { Wanted } from './machines.ts';
import type { ReservationRow, Schema } from './schema.ts';

export interface Reservation {
  readonly id: string;
  readonly userId: string;
  /** Name of the user who holds it. */
  readonly holder: string;
  readonly accountName: string;
  readonly state: ReservationState;
  readonly machineCount: number;
  readonly passwordHash: string | null;
  readonly authorizedKeys: readonly string[];
  readonly wanted: Wanted;
  readonly idempotencyKey: string | null;
  /** Digest of the request, to tell a repeated request from another one under the same key. */
  readonly requestDigest: string;
  readonly leaseOwner: string | null;
  readonly leaseUntil: Date;
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly endedAt: Date | null;
  readonly endReason: EndReason | null;
}

/** From the end on nobody needs it; people use the same password elsewhere. */
const NO_PASSWORD = { password_hash: null };

export type Reservations = ReturnType<typeof reservationsTable>;

export function reservationsTable(db: Kysely<Schema>) {
  return {
    /** @throws DuplicateKey when the user has used the idempotency key before. */
    async insert(reservation: Reservation): Promise<void> {
      await db.insertInto('reservations').values(toRow(reservation)).execute();
    },
    async byId(id: string): Promise<Reservation | undefined> {
      const row = await db.selectFrom('reservations').selectAll().where('id', '=', id).executeTakeFirst();
      return row && fromRow(row);
    },
    async byIds(ids: readonly string[]): Promise<Reservation[]> {
      if (ids.length === 0) return [];
      return (
        await db
          .selectFrom('reservations')
          .selectAll()
          .where('id', 'in', [...ids])
          .execute()
      ).map(fromRow);
    },
    async byIdempotencyKey(userId: string, key: string): Promise<Reservation | undefined> {
      const row = await db
        .selectFrom('reservations')
        .selectAll()
        .where('user_id', '=', userId)
        .where('idempotency_key', '=', key)
        .executeTakeFirst();
      return row && fromRow(row);
    },
    /** Moves the reservation on if it is in state `from`; says whether it did. */
    async move(
      id: string,
      from: ReservationState,
      to: ReservationState,
      changes: { endedAt?: Date; endReason?: EndReason } = {},
    ): Promise<boolean> {
      const result = await db
        .updateTable('reservations')
        .set({
          state: to,
          ...(to !== 'active' && NO_PASSWORD),
          lease_owner: null,
          lease_until: 0,
          ...(changes.endedAt && { ended_at: changes.endedAt.getTime() }),
          ...(changes.endReason && { end_reason: changes.endReason }),
        })
        .where('id', '=', id)
        .where('state', '=', from)
        .where('state', 'in', statesBefore(RESERVATION_MOVES, to))
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
    /** Keeps others from changing the reservation until the transaction ends. */
    async touch(id: string): Promise<void> {
      await db
        .updateTable('reservations')
        .set((eb) => ({ version: eb('version', '+', 1) }))
        .where('id', '=', id)
        .execute();
    },
    /** `active → ending`, if the end has come; false when somebody extended or ended it first. */
    async expire(id: string, now: Date): Promise<boolean> {
      const result = await db
        .updateTable('reservations')
        .set({ state: 'ending', end_reason: 'expired', ...NO_PASSWORD })
        .where('id', '=', id)
        .where('state', 'in', statesBefore(RESERVATION_MOVES, 'ending'))
        .where('ends_at', '<=', now.getTime())
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
    /** `preparing → failed`, if the end has come: whoever prepares it finds out by that. */
    async expireUnprepared(id: string, now: Date): Promise<boolean> {
      const result = await db
        .updateTable('reservations')
        .set({
          state: 'failed',
          end_reason: 'expired',
          ended_at: now.getTime(),
          lease_owner: null,
          lease_until: 0,
          ...NO_PASSWORD,
        })
        .where('id', '=', id)
        .where('state', '=', 'preparing')
        .where('ends_at', '<=', now.getTime())
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
    /** Moves the end of an active reservation from `from`; false when it is not active or has another end by now. */
    async moveEnd(id: string, from: Date, to: Date): Promise<boolean> {
      const result = await db
        .updateTable('reservations')
        .set({ ends_at: to.getTime() })
        .where('id', '=', id)
        .where('state', '=', 'active')
        .where('ends_at', '=', from.getTime())
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
    /** `ending → ended` once none of its allocations is open. */
    async endIfClean(id: string, now: Date): Promise<boolean> {
      const result = await db
        .updateTable('reservations')
        .set({ state: 'ended', ended_at: now.getTime() })
        .where('id', '=', id)
        .where('state', 'in', statesBefore(RESERVATION_MOVES, 'ended'))
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('allocations')
                .select('allocations.id')
                .whereRef('allocations.reservation_id', '=', 'reservations.id')
                .where('allocations.open', '=', 1),
            ),
          ),
        )
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
    async due(now: Date, limit: number): Promise<string[]> {
      const rows = await db
        .selectFrom('reservations')
        .select('id')
        .where('state', 'in', ['active', 'preparing'])
        .where('ends_at', '<=', now.getTime())
        .orderBy('ends_at')
        .limit(limit)
        .execute();
      return rows.map((row) => row.id);
    },
    /** Reservations whose preparation nobody works on any more. */
    async stalled(now: Date, limit: number): Promise<string[]> {
      const rows = await db
        .selectFrom('reservations')
        .select('id')
        .where('state', '=', 'preparing')
        .where('lease_until', '<', now.getTime())
        .limit(limit)
        .execute();
      return rows.map((row) => row.id);
    },
    /** Takes a preparation that nobody works on. */
    async takeLease(id: string, owner: string, now: Date, until: Date): Promise<boolean> {
      const result = await db
        .updateTable('reservations')
        .set({ lease_owner: owner, lease_until: until.getTime() })
        .where('id', '=', id)
        .where('state', '=', 'preparing')
        .where('lease_until', '<', now.getTime())
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
    async renewLease(id: string, owner: string, until: Date): Promise<void> {
      await db
        .updateTable('reservations')
        .set({ lease_until: until.getTime() })
        .where('id', '=', id)
        .where('lease_owner', '=', owner)
        .execute();
    },
    /** Gives up all preparations of one worker, so that another can go on at once. */
    async dropLeases(owner: string): Promise<void> {
      await db
        .updateTable('reservations')
        .set({ lease_owner: null, lease_until: 0 })
        .where('state', '=', 'preparing')
        .where('lease_owner', '=', owner)
        .execute();
    },
    /** Those that are over, the newest end first; of one end the largest id first. */
    async ended(page: {
      userId?: string;
      before?: { at: Date; key: string | null };
      limit: number;
    }): Promise<Reservation[]> {
      const { userId, before, limit } = page;
      let query = db
        .selectFrom('reservations')
        .selectAll()
        .where('ended_at', 'is not', null)
        .orderBy('ended_at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit);
      if (userId !== undefined) query = query.where('user_id', '=', userId);
      if (before) {
        const at = before.at.getTime();
        const { key } = before;
        query =
          key === null
            ? query.where('ended_at', '<', at)
            : query.where('ended_at', '<=', at).where((eb) => eb.or([eb('ended_at', '<', at), eb('id', '<', key)]));
      }
      return (await query.execute()).map(fromRow);
    },
    /** Ids of reservations that are preparing or active, of one holder or of all. */
    async running(holder?: string): Promise<string[]> {
      let query = db.selectFrom('reservations').select('id').where('state', 'in', ['preparing', 'active']);
      if (holder !== undefined) query = query.where('holder', '=', holder);
      return (await query.execute()).map((row) => row.id);
    },
    async countByState(): Promise<{ state: ReservationState; n: number }[]> {
      const rows = await db
        .selectFrom('reservations')
        .select(['state', db.fn.countAll().as('n')])
        .where('state', 'in', ['preparing', 'active', 'ending'])
        .groupBy('state')
        .execute();
      return rows.map((row) => ({ state: row.state, n: Number(row.n) }));
    },
  };
}

function fromRow(row: ReservationRow): Reservation {
  return {
    id: row.id,
    userId: row.user_id,
    holder: row.holder,
    accountName: row.account_name,
    state: row.state,
    machineCount: row.machine_count,
    passwordHash: row.password_hash,
    authorizedKeys: JSON.parse(row.authorized_keys) as string[],
    wanted: JSON.parse(row.wanted) as Wanted,
    idempotencyKey: row.idempotency_key,
    requestDigest: row.request_digest,
    leaseOwner: row.lease_owner,
    leaseUntil: new Date(row.lease_until),
    startsAt: new Date(row.starts_at),
    endsAt: new Date(row.ends_at),
    endedAt: row.ended_at === null ? null : new Date(row.ended_at),
    endReason: row.end_reason,
  };
}

function toRow(reservation: Reservation): ReservationRow {
  return {
    id: reservation.id,
    user_id: reservation.userId,
    holder: reservation.holder,
    account_name: reservation.accountName,
    state: reservation.state,
    machine_count: reservation.machineCount,
    password_hash: reservation.passwordHash,
    authorized_keys: JSON.stringify(reservation.authorizedKeys),
    wanted: JSON.stringify(reservation.wanted),
    idempotency_key: reservation.idempotencyKey,
    request_digest: reservation.requestDigest,
    lease_owner: reservation.leaseOwner,
    lease_until: reservation.leaseUntil.getTime(),
    starts_at: reservation.startsAt.getTime(),
    ends_at: reservation.endsAt.getTime(),
    ended_at: reservation.endedAt?.getTime() ?? null,
    end_reason: reservation.endReason,
  };
}
