import { isAdmin } from '#core/domain/actor.ts';
import { DEFAULT_MINUTES } from '#core/domain/reservation.ts';
import type { ReservationView } from '#core/pool/pool.ts';
import type { ApiDeps, Call, Handlers } from '../handler.ts';
import { reservationOnWire, reserveOnWire } from '../views.ts';

const DEFAULT_WAIT_SECONDS = 30;

export function reservationHandlers({ pool }: ApiDeps) {
  const releaseAll = async ({ caller, now }: Call<'releaseAll' | 'releaseAllByPost'>) => {
    const released = await pool.releaseAll(caller, now);
    return { message: `released ${released} reservation${released === 1 ? '' : 's'}`, released };
  };

  return {
    async reserve({ caller, now, query }) {
      const { madePassword, settled } = await pool.reserve(
        caller,
        {
          count: query.count ?? 1,
          minutes: query.duration ?? DEFAULT_MINUTES,
          ...(query.reservation_password !== undefined && { password: query.reservation_password }),
          ...(query.username !== undefined && { accountName: query.username }),
        },
        now,
      );
      return reserveOnWire(await settled, madePassword);
    },

    async createReservation({ caller, now, query, headers, body, reply }) {
      const key = headers['idempotency-key'];
      const { reservation, madePassword, settled } = await pool.reserve(
        caller,
        {
          count: body.count ?? 1,
          minutes: body.duration_minutes ?? DEFAULT_MINUTES,
          ...(body.reservation_password !== undefined && { password: body.reservation_password }),
          ...(body.ssh_public_keys && { sshPublicKeys: body.ssh_public_keys }),
          ...(body.username !== undefined && { accountName: body.username }),
          ...(body.labels && { labels: body.labels }),
          ...(body.machines && { machines: body.machines }),
          ...(key !== undefined && { idempotencyKey: key }),
        },
        now,
      );
      const active = await within(settled, (query.wait ?? DEFAULT_WAIT_SECONDS) * 1000);
      reply.code(active ? 201 : 202);
      return reservationOnWire(active ?? reservation, madePassword);
    },

    async listReservations({ caller, now, query }) {
      const reservations = await pool.listReservations(query.mine ? { holder: caller.name } : {});
      return {
        reservations: reservations.flatMap((one) => {
          const open = isAdmin(caller) || one.holder === caller.name;
          return one.machines.map((machine) => ({
            reservation_id: one.id,
            holder: one.holder,
            username: open ? one.accountName : null,
            machine: machine.machine,
            host: open ? machine.host : null,
            port: open ? machine.port : null,
            reserved_until: one.endsAt.toISOString(),
            seconds_remaining: Math.max(0, Math.round((one.endsAt.getTime() - now.getTime()) / 1000)),
            state: machine.state,
            problem: open ? machine.problem : null,
            created_at: one.startsAt.toISOString(),
            ended_at: one.endedAt?.toISOString() ?? null,
            end_reason: one.endReason,
          }));
        }),
        next: null,
      };
    },

    getReservation: async ({ caller, params }) => reservationOnWire(await pool.getReservation(caller, params.id)),
    release: async ({ caller, now, params }) => reservationOnWire(await pool.release(caller, params.id, now)),
    releaseMachine: async ({ caller, now, params }) =>
      reservationOnWire(await pool.release(caller, params.id, now, params.machine)),
    extend: async ({ caller, now, params, body }) =>
      reservationOnWire(await pool.extend(caller, params.id, body.minutes, now)),
    releaseAll,
    releaseAllByPost: releaseAll,
    available: () => pool.available(),
  } satisfies Partial<Handlers>;
}

/** The value, or null when it takes longer. */
async function within(work: Promise<ReservationView>, ms: number): Promise<ReservationView | null> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
