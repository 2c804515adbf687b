import { type Kysely, sql } from 'kysely';
import type { Role } from '#core/domain/actor.ts';
import { type Limits as LimitValues, NO_LIMITS, type OwnLimits, type Use } from '#core/domain/limits.ts';
import type { Dialect } from './dialect.ts';
import type { LimitColumns, Schema } from './schema.ts';

/** In a user's row: no limit, whatever the role says. (NULL there: as the role says; in a role's row: no limit.) */
const EXPLICITLY_NONE = -1;

export type Limits = ReturnType<typeof limitsTable>;

/** How much of the pool users may have, and how much they have. */
export function limitsTable(db: Kysely<Schema>, dialect: Dialect) {
  const inHands = ['preparing', 'active'] as const;
  return {
    /** Of a user: the role's and the own. Undefined when there is no such user. */
    async ofUser(userId: string): Promise<{ role: Role; ofRole: LimitValues; own: OwnLimits } | undefined> {
      const row = await db
        .selectFrom('users')
        .leftJoin('limits as r', (join) => join.on('r.kind', '=', 'role').onRef('r.subject', '=', 'users.role'))
        .leftJoin('limits as u', (join) => join.on('u.kind', '=', 'user').onRef('u.subject', '=', 'users.id'))
        .select(['users.role', 'r.machines', 'r.reservations', 'r.minutes', 'r.machine_minutes_ahead'])
        .select([
          'u.machines as own_machines',
          'u.reservations as own_reservations',
          'u.minutes as own_minutes',
          'u.machine_minutes_ahead as own_machine_minutes_ahead',
        ])
        .where('users.id', '=', userId)
        .executeTakeFirst();
      if (!row) return undefined;
      return {
        role: row.role,
        ofRole: limitsOf(row),
        own: {
          machines: ownValue(row.own_machines),
          reservations: ownValue(row.own_reservations),
          minutes: ownValue(row.own_minutes),
          machineMinutesAhead: ownValue(row.own_machine_minutes_ahead),
        },
      };
    },
    /** Within a transaction: nobody else changes them until it ends. */
    async lockRole(role: Role): Promise<LimitValues> {
      const query = db.selectFrom('limits').selectAll().where('kind', '=', 'role').where('subject', '=', role);
      const row = await (dialect === 'mariadb' ? query.forUpdate() : query).executeTakeFirst();
      return row ? limitsOf(row) : NO_LIMITS;
    },
    async ofRole(role: Role): Promise<LimitValues> {
      const row = await db
        .selectFrom('limits')
        .selectAll()
        .where('kind', '=', 'role')
        .where('subject', '=', role)
        .executeTakeFirst();
      return row ? limitsOf(row) : NO_LIMITS;
    },
    async setOfRole(role: Role, limits: LimitValues): Promise<void> {
      await set('role', role, {
        machines: limits.machines,
        reservations: limits.reservations,
        minutes: limits.minutes,
        machine_minutes_ahead: limits.machineMinutesAhead,
      });
    },
    /** Within a transaction that keeps others from changing the same user. */
    async setOfUser(userId: string, own: OwnLimits): Promise<void> {
      await set('user', userId, {
        machines: ownColumn(own.machines),
        reservations: ownColumn(own.reservations),
        minutes: ownColumn(own.minutes),
        machine_minutes_ahead: ownColumn(own.machineMinutesAhead),
      });
    },
    async removeOfUser(userId: string): Promise<void> {
      await db.deleteFrom('limits').where('kind', '=', 'user').where('subject', '=', userId).execute();
    },
    /** What a user has at this moment; the cost does not grow with what is over. */
    async use(userId: string, now: Date): Promise<Use> {
      const remaining = sql<number>`CASE WHEN allocations.id IS NOT NULL AND reservations.ends_at > ${now.getTime()}
        THEN reservations.ends_at - ${now.getTime()} ELSE 0 END`;
      const row = await db
        .selectFrom('reservations')
        .leftJoin('allocations', (join) =>
          join.onRef('allocations.reservation_id', '=', 'reservations.id').on('allocations.state', 'in', inHands),
        )
        .select(({ fn }) => [
          fn.count('reservations.id').distinct().as('reservations'),
          fn.count('allocations.id').as('machines'),
          fn.sum(remaining).as('ms'),
        ])
        .where('reservations.user_id', '=', userId)
        // With it the past is not read: there is an index of users and ends.
        .where('reservations.ended_at', 'is', null)
        .where('reservations.state', 'in', inHands)
        .executeTakeFirstOrThrow();
      return {
        machines: Number(row.machines),
        reservations: Number(row.reservations),
        msAhead: Number(row.ms ?? 0),
      };
    },
  };

  async function set(kind: 'role' | 'user', subject: string, columns: LimitColumns): Promise<void> {
    const updated = await db
      .updateTable('limits')
      .set(columns)
      .where('kind', '=', kind)
      .where('subject', '=', subject)
      .executeTakeFirst();
    if (updated.numUpdatedRows > 0n) return;
    await db
      .insertInto('limits')
      .values({ kind, subject, ...columns })
      .execute();
  }
}

function limitsOf(row: { [C in keyof LimitColumns]: number | null }): LimitValues {
  return {
    machines: row.machines,
    reservations: row.reservations,
    minutes: row.minutes,
    machineMinutesAhead: row.machine_minutes_ahead,
  };
}

function ownValue(stored: number | null): number | null | 'role' {
  if (stored === null) return 'role';
  return stored === EXPLICITLY_NONE ? null : stored;
}

function ownColumn(value: number | null | 'role'): number | null {
  if (value === 'role') return null;
  return value === null ? EXPLICITLY_NONE : value;
}
