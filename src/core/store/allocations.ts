import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import { statesBefore } from '#core/domain/moves.ts';
import { ALLOCATION_MOVES, type AllocationState } from '#core/domain/reservation.ts';
import { holdsOfAllocations } from './holds.ts';
import type { AllocationRow, Schema } from './schema.ts';

export interface Allocation {
  readonly id: string;
  readonly reservationId: string;
  readonly machineId: string;
  readonly machineName: string;
  readonly generation: number;
  readonly state: AllocationState;
  readonly attempts: number;
  readonly nextTryAt: Date;
  readonly problem: string | null;
  readonly uid: number | null;
  readonly preparedAt: Date | null;
  readonly cleaningSince: Date | null;
  readonly cleanedAt: Date | null;
  /** What the removal answered, as it was stored. */
  readonly removal: unknown;
}

/** An allocation and where its machine is. The machine of a cleaned allocation may be gone. */
export interface PlacedAllocation extends Allocation {
  readonly host: string | null;
  readonly port: number | null;
  readonly hostKey: string | null;
}

export type Allocations = ReturnType<typeof allocationsTable>;

export function allocationsTable(db: Kysely<Schema>) {
  const placed = () =>
    db
      .selectFrom('allocations')
      .leftJoin('machines', 'machines.id', 'allocations.machine_id')
      .selectAll('allocations')
      .select(['machines.host', 'machines.port', 'machines.host_key'])
      .orderBy('allocations.machine_name');

  return {
    ...holdsOfAllocations(db),
    /**
     * Claims machines: one new allocation each, in state `preparing`, if the machine is ready. Answers how many there were.
     * Machines are locked in the order of their ids, so that two claims do not wait for each other in a circle.
     * @throws DuplicateKey when one of them is held already.
     */
    async claim(
      claims: readonly { id: string; machineId: string }[],
      reservationId: string,
      now: Date,
    ): Promise<number> {
      const idOf = new Map(claims.map((claim) => [claim.machineId, claim.id]));
      const machineIds = [...idOf.keys()].sort();
      const { numUpdatedRows } = await db
        .updateTable('machines')
        .set((eb) => ({ generation: eb('generation', '+', 1) }))
        .where('id', 'in', machineIds)
        .where('state', '=', 'ready')
        .executeTakeFirst();
      const machines = await db
        .selectFrom('machines')
        .select(['id', 'name', 'generation'])
        .where('id', 'in', machineIds)
        .where('state', '=', 'ready')
        .orderBy('id')
        .execute();
      // One that became ready in between has not got its new generation.
      if (machines.length !== Number(numUpdatedRows)) return 0;
      const rows = machines.map(
        (machine): AllocationRow => ({
          id: idOf.get(machine.id) as string,
          reservation_id: reservationId,
          machine_id: machine.id,
          machine_name: machine.name,
          generation: machine.generation,
          state: 'preparing',
          open: 1,
          lease_owner: null,
          lease_until: 0,
          attempts: 0,
          next_try_at: now.getTime(),
          problem: null,
          uid: null,
          created_at: now.getTime(),
          prepared_at: null,
          cleaning_since: null,
          cleaned_at: null,
          removal: null,
        }),
      );
      if (rows.length > 0) await db.insertInto('allocations').values(rows).execute();
      return rows.length;
    },
    async byId(id: string): Promise<Allocation | undefined> {
      const row = await db.selectFrom('allocations').selectAll().where('id', '=', id).executeTakeFirst();
      return row && fromRow(row);
    },
    async byIds(ids: readonly string[]): Promise<Allocation[]> {
      if (ids.length === 0) return [];
      const rows = await db
        .selectFrom('allocations')
        .selectAll()
        .where('id', 'in', [...new Set(ids)])
        .execute();
      return rows.map(fromRow);
    },
    async ofReservation(reservationId: string): Promise<PlacedAllocation[]> {
      return (await placed().where('allocations.reservation_id', '=', reservationId).execute()).map(placedFromRow);
    },
    async ofReservations(reservationIds: readonly string[]): Promise<PlacedAllocation[]> {
      if (reservationIds.length === 0) return [];
      const rows = await placed()
        .where('allocations.reservation_id', 'in', [...reservationIds])
        .execute();
      return rows.map(placedFromRow);
    },
    /** All open allocations, of one holder or of all. */
    async open(holder?: string): Promise<PlacedAllocation[]> {
      let query = placed().where('allocations.open', '=', 1);
      if (holder !== undefined) {
        query = query
          .innerJoin('reservations', 'reservations.id', 'allocations.reservation_id')
          .where('reservations.holder', '=', holder);
      }
      return (await query.execute()).map(placedFromRow);
    },
    /** Which of these are active. */
    async activeAmong(ids: readonly string[]): Promise<ReadonlySet<string>> {
      if (ids.length === 0) return new Set();
      const rows = await db
        .selectFrom('allocations')
        .select('id')
        .where('id', 'in', [...new Set(ids)])
        .where('state', '=', 'active')
        .execute();
      return new Set(rows.map((row) => row.id));
    },
    async openOnMachine(machineId: string): Promise<Allocation | undefined> {
      const row = await db
        .selectFrom('allocations')
        .selectAll()
        .where('machine_id', '=', machineId)
        .where('open', '=', 1)
        .executeTakeFirst();
      return row && fromRow(row);
    },
    /** Notes that the account exists; false when the allocation is not `preparing` any more. */
    async markPrepared(id: string, uid: number, now: Date): Promise<boolean> {
      const result = await db
        .updateTable('allocations')
        .set({ uid, prepared_at: now.getTime() })
        .where('id', '=', id)
        .where('state', '=', 'preparing')
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
    /** `preparing → active` for all prepared allocations of a reservation; answers how many. */
    async activate(reservationId: string): Promise<number> {
      const result = await db
        .updateTable('allocations')
        .set({ state: 'active' })
        .where('reservation_id', '=', reservationId)
        .where('state', 'in', statesBefore(ALLOCATION_MOVES, 'active'))
        .where('prepared_at', 'is not', null)
        .executeTakeFirst();
      return Number(result.numUpdatedRows);
    },
    /** `preparing | active → cleaning` for all allocations of a reservation, or one of them; answers how many. */
    async startCleaning(reservationId: string, now: Date, id?: string): Promise<number> {
      let query = db
        .updateTable('allocations')
        .set({ state: 'cleaning', cleaning_since: now.getTime(), next_try_at: now.getTime() })
        .where('reservation_id', '=', reservationId)
        .where('state', 'in', statesBefore(ALLOCATION_MOVES, 'cleaning'));
      if (id !== undefined) query = query.where('id', '=', id);
      return Number((await query.executeTakeFirst()).numUpdatedRows);
    },
    /** Ids of what waits to be cleaned and is not in anybody's hands. */
    async dueForCleaning(now: Date, limit: number): Promise<string[]> {
      const rows = await db
        .selectFrom('allocations')
        .select('id')
        .where('state', '=', 'cleaning')
        .where('next_try_at', '<=', now.getTime())
        .where('lease_until', '<', now.getTime())
        .orderBy('next_try_at')
        .limit(limit)
        .execute();
      return rows.map((row) => row.id);
    },
    async takeLease(id: string, owner: string, now: Date, until: Date): Promise<boolean> {
      const result = await db
        .updateTable('allocations')
        .set({ lease_owner: owner, lease_until: until.getTime() })
        .where('id', '=', id)
        .where('state', '=', 'cleaning')
        .where('next_try_at', '<=', now.getTime())
        .where('lease_until', '<', now.getTime())
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
    async renewLease(id: string, owner: string, until: Date): Promise<void> {
      await db
        .updateTable('allocations')
        .set({ lease_until: until.getTime() })
        .where('id', '=', id)
        .where('lease_owner', '=', owner)
        .execute();
    },
    /** `cleaning → cleaned`: the machine is free again. False when somebody else moved it on. */
    async markCleaned(id: string, removal: object, now: Date): Promise<boolean> {
      const result = await db
        .updateTable('allocations')
        .set({
          state: 'cleaned',
          open: null,
          lease_owner: null,
          lease_until: 0,
          cleaned_at: now.getTime(),
          problem: null,
          removal: JSON.stringify(removal),
        })
        .where('id', '=', id)
        .where('state', 'in', statesBefore(ALLOCATION_MOVES, 'cleaned'))
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
    /** Notes a cleaning that failed; only its worker may. */
    async postponeCleaning(id: string, owner: string, problem: string, nextTryAt: Date): Promise<void> {
      await db
        .updateTable('allocations')
        .set((eb) => ({
          attempts: eb('attempts', '+', 1),
          problem,
          next_try_at: nextTryAt.getTime(),
          lease_owner: null,
          lease_until: 0,
        }))
        .where('id', '=', id)
        .where('state', '=', 'cleaning')
        .where('lease_owner', '=', owner)
        .execute();
    },
    /** Brings the next try of a machine's cleaning forward, because the machine is back. */
    async retryCleaningOn(machineId: string, now: Date): Promise<void> {
      await db
        .updateTable('allocations')
        .set({ next_try_at: now.getTime() })
        .where('machine_id', '=', machineId)
        .where('open', '=', 1)
        .where('state', '=', 'cleaning')
        .where('next_try_at', '>', now.getTime())
        .execute();
    },
    async dropLeases(owner: string): Promise<void> {
      await db
        .updateTable('allocations')
        .set({ lease_owner: null, lease_until: 0 })
        .where('state', '=', 'cleaning')
        .where('lease_owner', '=', owner)
        .execute();
    },
    async countOpen(): Promise<number> {
      const row = await db
        .selectFrom('allocations')
        .select(db.fn.countAll().as('n'))
        .where('open', '=', 1)
        .executeTakeFirstOrThrow();
      return Number(row.n);
    },
    /** What waits to be cleaned: how many, of those how many that failed at least once, and since when the oldest. */
    async cleaningBacklog(): Promise<{ n: number; failing: number; oldest: Date | null }> {
      const row = await db
        .selectFrom('allocations')
        .select([
          db.fn.countAll().as('n'),
          sql<number | null>`sum(CASE WHEN attempts > 0 THEN 1 ELSE 0 END)`.as('failing'),
          sql<number | null>`min(cleaning_since)`.as('oldest'),
        ])
        .where('state', '=', 'cleaning')
        .executeTakeFirstOrThrow();
      return {
        n: Number(row.n),
        failing: Number(row.failing ?? 0),
        oldest: row.oldest === null ? null : new Date(Number(row.oldest)),
      };
    },
  };
}

function fromRow(row: AllocationRow): Allocation {
  return {
    id: row.id,
    reservationId: row.reservation_id,
    machineId: row.machine_id,
    machineName: row.machine_name,
    generation: row.generation,
    state: row.state,
    attempts: row.attempts,
    nextTryAt: new Date(row.next_try_at),
    problem: row.problem,
    uid: row.uid,
    preparedAt: row.prepared_at === null ? null : new Date(row.prepared_at),
    cleaningSince: row.cleaning_since === null ? null : new Date(row.cleaning_since),
    cleanedAt: row.cleaned_at === null ? null : new Date(row.cleaned_at),
    removal: row.removal === null ? null : JSON.parse(row.removal),
  };
}

function placedFromRow(
  row: AllocationRow & { host: string | null; port: number | null; host_key: string | null },
): PlacedAllocation {
  return { ...fromRow(row), host: row.host, port: row.port, hostKey: row.host_key };
}
