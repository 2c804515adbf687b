import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Finding } from '#core/domain/finding.ts';
import { type Credential, MACHINE_MOVES, type MachineState } from '#core/domain/machine.ts';
import { statesBefore } from '#core/domain/moves.ts';
import type { AllocationState } from '#core/domain/reservation.ts';
import type { MachineRow, Schema } from './schema.ts';
import type { Seal } from './seal.ts';

export interface Machine {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Null when it was sealed with a key that this process does not have. */
  readonly credential: Credential | null;
  readonly labels: readonly string[];
  readonly state: MachineState;
  readonly reason: string | null;
  readonly mend: string | null;
  readonly hostKey: string | null;
  readonly offeredHostKey: string | null;
  readonly operatingSystem: string | null;
  readonly failures: number;
  readonly generation: number;
  readonly probedAt: Date | null;
  readonly nextProbeAt: Date;
  /** When the whole machine was last compared with what Berth knows, and what ought not to have been so. */
  readonly verifiedAt: Date | null;
  readonly nextVerifyAt: Date;
  readonly findings: readonly Finding[];
  readonly createdAt: Date;
}

/** A machine without its credential, and who holds it. */
export type HeldMachine = Omit<Machine, 'credential'> & {
  readonly held: { reservationId: string; holder: string; state: AllocationState; until: Date } | null;
};

export interface MachineStanding {
  readonly name: string;
  readonly state: MachineState;
  readonly reason: string | null;
  readonly held: AllocationState | null;
}

export interface Wanted {
  readonly labels: readonly string[];
  readonly machines: readonly string[];
}

export type Machines = ReturnType<typeof machinesTable>;

export function machinesTable(db: Kysely<Schema>, seal: Seal) {
  const free = (wanted: Wanted) => {
    let query = db
      .selectFrom('machines')
      .leftJoin('allocations', (join) =>
        join.onRef('allocations.machine_id', '=', 'machines.id').on('allocations.open', '=', 1),
      )
      .where('machines.state', '=', 'ready')
      .where('allocations.id', 'is', null);
    for (const label of wanted.labels)
      query = query.where(sql<number>`instr(machines.labels, ${`,${label},`})`, '>', 0);
    if (wanted.machines.length > 0) query = query.where('machines.name', 'in', [...wanted.machines]);
    return query;
  };
  const withHolder = () =>
    db
      .selectFrom('machines')
      .leftJoin('allocations', (join) =>
        join.onRef('allocations.machine_id', '=', 'machines.id').on('allocations.open', '=', 1),
      )
      .leftJoin('reservations', 'reservations.id', 'allocations.reservation_id')
      .selectAll('machines')
      .select([
        'allocations.state as held_state',
        'reservations.id as held_by_reservation',
        'reservations.holder as holder',
        'reservations.ends_at as held_until',
      ]);

  return {
    /** @throws DuplicateKey when the name, or host and port, are taken. */
    async insert(machine: Machine): Promise<void> {
      await db
        .insertInto('machines')
        .values({
          id: machine.id,
          created_at: machine.createdAt.getTime(),
          ...toRow(machine.id, machine, seal),
        } as MachineRow)
        .execute();
    },
    async byName(name: string): Promise<Machine | undefined> {
      const row = await db.selectFrom('machines').selectAll().where('name', '=', name).executeTakeFirst();
      return row && fromRow(row, seal);
    },
    async byIds(ids: readonly string[]): Promise<Machine[]> {
      if (ids.length === 0) return [];
      const rows = await db
        .selectFrom('machines')
        .selectAll()
        .where('id', 'in', [...ids])
        .execute();
      return rows.map((row) => fromRow(row, seal));
    },
    /** By name. */
    async listWithHolder(): Promise<HeldMachine[]> {
      return (await withHolder().orderBy('machines.name').execute()).map(heldFromRow);
    },
    async byNameWithHolder(name: string): Promise<HeldMachine | undefined> {
      const row = await withHolder().where('machines.name', '=', name).executeTakeFirst();
      return row && heldFromRow(row);
    },
    /** By name: the least that tells what can be had of each machine. */
    async standings(): Promise<MachineStanding[]> {
      return await db
        .selectFrom('machines')
        .leftJoin('allocations', (join) =>
          join.onRef('allocations.machine_id', '=', 'machines.id').on('allocations.open', '=', 1),
        )
        .select(['machines.name', 'machines.state', 'machines.reason', 'allocations.state as held'])
        .orderBy('machines.name')
        .execute();
    },
    /** Up to `limit` ids of free machines with an id from `pivot` on, by id. */
    async freeIds(wanted: Wanted, pivot: string, limit: number): Promise<string[]> {
      const rows = await free(wanted)
        .select('machines.id')
        .where('machines.id', '>=', pivot)
        .orderBy('machines.id')
        .limit(limit)
        .execute();
      return rows.map((row) => row.id);
    },
    async countFree(wanted: Wanted): Promise<number> {
      const row = await free(wanted).select(db.fn.countAll().as('n')).executeTakeFirstOrThrow();
      return Number(row.n);
    },
    /** Which of these names no machine bears. */
    async unknownNames(names: readonly string[]): Promise<string[]> {
      if (names.length === 0) return [];
      const rows = await db
        .selectFrom('machines')
        .select('name')
        .where('name', 'in', [...names])
        .execute();
      const known = new Set(rows.map((row) => row.name));
      return names.filter((name) => !known.has(name));
    },
    async update(id: string, changes: Partial<Omit<Machine, 'id' | 'createdAt'>>): Promise<void> {
      const { state } = changes;
      let query = db
        .updateTable('machines')
        .set(toRow(id, changes, seal))
        .where('id', '=', id);
      if (state !== undefined) query = query.where('state', 'in', [state, ...statesBefore(MACHINE_MOVES, state)]);
      const result = await query.executeTakeFirst();
      if (result.numUpdatedRows === 0n) throw new Error(`machine ${id} is gone, or may not become ${state}`);
    },
    /** Changes the machine only if it is in one of the given states; says whether it did. */
    async updateIn(states: readonly MachineState[], id: string, changes: Partial<Machine>): Promise<boolean> {
      const result = await db
        .updateTable('machines')
        .set(toRow(id, changes, seal))
        .where('id', '=', id)
        .where('state', 'in', [...states])
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
    /** Reads the machine and keeps others from changing or claiming it until the transaction ends. */
    async lockByName(name: string): Promise<Machine | undefined> {
      // An update that changes nothing locks the row on both databases.
      await db
        .updateTable('machines')
        .set((eb) => ({ generation: eb.ref('generation') }))
        .where('name', '=', name)
        .execute();
      const row = await db.selectFrom('machines').selectAll().where('name', '=', name).executeTakeFirst();
      return row && fromRow(row, seal);
    },
    async remove(id: string): Promise<void> {
      await db.deleteFrom('machines').where('id', '=', id).execute();
    },
    async dueForProbe(now: Date, limit: number): Promise<Machine[]> {
      const rows = await db
        .selectFrom('machines')
        .selectAll()
        .where('next_probe_at', '<=', now.getTime())
        .where('state', 'not in', ['disabled', 'quarantined'])
        .orderBy('next_probe_at')
        .limit(limit)
        .execute();
      return rows.map((row) => fromRow(row, seal));
    },
    /** Moves the next probe from when it was due; false when somebody else did so first. */
    async takeProbe(id: string, dueAt: Date, until: Date): Promise<boolean> {
      const result = await db
        .updateTable('machines')
        .set({ next_probe_at: until.getTime() })
        .where('id', '=', id)
        .where('next_probe_at', '=', dueAt.getTime())
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
    /** Those that are lent, or kept back for what was found on them. */
    async dueForVerification(now: Date, limit: number): Promise<Machine[]> {
      const rows = await db
        .selectFrom('machines')
        .selectAll()
        .where('next_verify_at', '<=', now.getTime())
        .where((eb) =>
          eb.or([eb('state', '=', 'ready'), eb('state', '=', 'quarantined').and('findings', 'is not', null)]),
        )
        .orderBy('next_verify_at')
        .limit(limit)
        .execute();
      return rows.map((row) => fromRow(row, seal));
    },
    /** Moves the next look from when it was due; false when somebody else did so first. */
    async takeVerification(id: string, dueAt: Date, until: Date): Promise<boolean> {
      const result = await db
        .updateTable('machines')
        .set({ next_verify_at: until.getTime() })
        .where('id', '=', id)
        .where('next_verify_at', '=', dueAt.getTime())
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
    async countWithFindings(): Promise<number> {
      const row = await db
        .selectFrom('machines')
        .select(db.fn.countAll().as('n'))
        .where('findings', 'is not', null)
        .executeTakeFirstOrThrow();
      return Number(row.n);
    },
    async countByState(): Promise<{ state: MachineState; n: number }[]> {
      const rows = await db
        .selectFrom('machines')
        .select(['state', db.fn.countAll().as('n')])
        .groupBy('state')
        .execute();
      return rows.map((row) => ({ state: row.state, n: Number(row.n) }));
    },
  };
}

function fromRow(row: MachineRow, seal: Seal): Machine {
  return { ...plainFromRow(row), credential: opened(row, seal) };
}

/** One credential that cannot be opened is that machine's trouble, and must not keep the others from being read. */
function opened(row: MachineRow, seal: Seal): Credential | null {
  try {
    return JSON.parse(seal.open(row.credential, row.id)) as Credential;
  } catch {
    return null;
  }
}

function plainFromRow(row: MachineRow): Omit<Machine, 'credential'> {
  return {
    id: row.id,
    name: row.name,
    host: row.host,
    port: row.port,
    user: row.login_user,
    labels: row.labels.split(',').filter((label) => label !== ''),
    state: row.state,
    reason: row.reason,
    mend: row.mend,
    hostKey: row.host_key,
    offeredHostKey: row.offered_host_key,
    operatingSystem: row.operating_system,
    failures: row.failures,
    generation: row.generation,
    probedAt: row.probed_at === null ? null : new Date(row.probed_at),
    nextProbeAt: new Date(row.next_probe_at),
    verifiedAt: row.verified_at === null ? null : new Date(row.verified_at),
    nextVerifyAt: new Date(row.next_verify_at),
    findings: row.findings === null ? [] : (JSON.parse(row.findings) as Finding[]),
    createdAt: new Date(row.created_at),
  };
}

function heldFromRow(
  row: MachineRow & {
    held_state: AllocationState | null;
    held_by_reservation: string | null;
    holder: string | null;
    held_until: number | null;
  },
): HeldMachine {
  const { held_state: state, held_by_reservation: reservationId, holder, held_until: until } = row;
  const held =
    state !== null && reservationId !== null && holder !== null && until !== null
      ? { reservationId, holder, state, until: new Date(until) }
      : null;
  return { ...plainFromRow(row), held };
}

function toRow(id: string, machine: Partial<Machine>, seal: Seal): Partial<MachineRow> {
  const row: Partial<MachineRow> = {};
  if (machine.name !== undefined) row.name = machine.name;
  if (machine.host !== undefined) row.host = machine.host;
  if (machine.port !== undefined) row.port = machine.port;
  if (machine.user !== undefined) row.login_user = machine.user;
  if (machine.credential) row.credential = seal.close(JSON.stringify(machine.credential), id);
  if (machine.labels !== undefined) row.labels = machine.labels.length === 0 ? '' : `,${machine.labels.join(',')},`;
  if (machine.state !== undefined) row.state = machine.state;
  if (machine.reason !== undefined) row.reason = machine.reason;
  if (machine.mend !== undefined) row.mend = machine.mend;
  if (machine.hostKey !== undefined) row.host_key = machine.hostKey;
  if (machine.offeredHostKey !== undefined) row.offered_host_key = machine.offeredHostKey;
  if (machine.operatingSystem !== undefined) row.operating_system = machine.operatingSystem;
  if (machine.failures !== undefined) row.failures = machine.failures;
  if (machine.generation !== undefined) row.generation = machine.generation;
  if (machine.probedAt !== undefined) row.probed_at = machine.probedAt?.getTime() ?? null;
  if (machine.nextProbeAt !== undefined) row.next_probe_at = machine.nextProbeAt.getTime();
  if (machine.verifiedAt !== undefined) row.verified_at = machine.verifiedAt?.getTime() ?? null;
  if (machine.nextVerifyAt !== undefined) row.next_verify_at = machine.nextVerifyAt.getTime();
  if (machine.findings !== undefined) {
    row.findings = machine.findings.length === 0 ? null : JSON.stringify(machine.findings);
  }
  return row;
}
