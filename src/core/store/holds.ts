import type { Kysely } from 'kysely';
import type { AllocationState } from '#core/domain/reservation.ts';
import type { PageFrom } from './page-from.ts';
import type { Schema } from './schema.ts';

/** One machine's time in somebody's hands. */
export interface Hold {
  readonly machineName: string;
  readonly reservationId: string;
  readonly holder: string;
  readonly state: AllocationState;
  readonly createdAt: Date;
  readonly cleaningSince: Date | null;
  readonly cleanedAt: Date | null;
  /** The end of the reservation as it is now. */
  readonly endsAt: Date;
}

/** That somebody was given a machine. */
interface Claim {
  readonly id: string;
  readonly at: Date;
  readonly reservationId: string;
  readonly holder: string;
}

/** What the allocations tell about the past. */
export function holdsOfAllocations(db: Kysely<Schema>) {
  const all = () =>
    db.selectFrom('allocations').innerJoin('reservations', 'reservations.id', 'allocations.reservation_id');
  const spans = () =>
    all().select([
      'allocations.machine_name',
      'allocations.reservation_id',
      'reservations.holder',
      'allocations.state',
      'allocations.created_at',
      'allocations.cleaning_since',
      'allocations.cleaned_at',
      'reservations.ends_at',
    ]);

  return {
    /** Every hold of a machine that has a moment between `from` and `to`, the newest first, at most `limit`. */
    async holds(from: Date, to: Date, limit: number): Promise<Hold[]> {
      const over = spans()
        .where('allocations.open', 'is', null)
        .where('allocations.cleaned_at', '>', from.getTime())
        .where('allocations.created_at', '<', to.getTime());
      const open = spans().where('allocations.open', '=', 1).where('allocations.created_at', '<', to.getTime());
      const rows = await over
        .unionAll(open)
        .orderBy('created_at', 'desc')
        .orderBy('machine_name')
        .limit(limit)
        .execute();
      return rows.map((row) => ({
        machineName: row.machine_name,
        reservationId: row.reservation_id,
        holder: row.holder,
        state: row.state,
        createdAt: new Date(row.created_at),
        cleaningSince: row.cleaning_since === null ? null : new Date(row.cleaning_since),
        cleanedAt: row.cleaned_at === null ? null : new Date(row.cleaned_at),
        endsAt: new Date(row.ends_at),
      }));
    },
    /** Who was given a machine of that name, newest first. */
    async claimsOf(machineName: string, from: PageFrom | null, limit: number): Promise<Claim[]> {
      let query = all()
        .select(['allocations.id', 'allocations.created_at', 'allocations.reservation_id', 'reservations.holder'])
        .where('allocations.machine_name', '=', machineName)
        .orderBy('allocations.created_at', 'desc')
        .orderBy('allocations.id', 'desc')
        .limit(limit);
      if (from) {
        const at = from.at.getTime();
        const { beforeId } = from;
        query =
          beforeId === null
            ? query.where('allocations.created_at', from.including ? '<=' : '<', at)
            : query
                .where('allocations.created_at', '<=', at)
                .where((eb) => eb.or([eb('allocations.created_at', '<', at), eb('allocations.id', '<', beforeId)]));
      }
      return (await query.execute()).map((row) => ({
        id: row.id,
        at: new Date(row.created_at),
        reservationId: row.reservation_id,
        holder: row.holder,
      }));
    },
  };
}
