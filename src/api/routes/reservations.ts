import { isAdmin } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import { DEFAULT_MINUTES } from '#core/domain/reservation.ts';
import type { ReservationView, Timeline } from '#core/pool/pool.ts';
import type { ApiDeps, Call, Handlers } from '../handler.ts';
import { timeOf } from '../time-of.ts';
import { reservationOnWire, reserveOnWire } from '../views.ts';

const DEFAULT_WAIT_SECONDS = 30;
const DEFAULT_PAGE = 50;

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
          count: body.count ?? (new Set(body.machines).size || 1),
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

    async listReservations({ caller, now, query: { state = 'open', mine = false, before, limit } }) {
      if (state === 'ended') {
        const page = await pool.listEnded(caller, {
          mine,
          ...(before !== undefined && { before }),
          limit: limit ?? DEFAULT_PAGE,
        });
        const items = page.reservations.flatMap((one) => itemsOnWire(one, isAdmin(caller) || one.mine, now));
        return { reservations: items, next: page.next };
      }
      const given = before !== undefined ? 'before' : limit !== undefined ? 'limit' : null;
      if (given) throw new Refusal('invalid_request', `${given}: only ended reservations come page by page`);
      const reservations = await pool.listReservations(mine ? { holder: caller.name } : {});
      return {
        reservations: reservations.flatMap((one) =>
          itemsOnWire(one, isAdmin(caller) || one.holder === caller.name, now),
        ),
        next: null,
      };
    },

    async getReservation({ caller, params }) {
      const { swapped, ...reservation } = await pool.getReservation(caller, params.id);
      return {
        ...reservationOnWire(reservation),
        swapped: swapped.map(({ at, machine, reason }) => ({ at: at.toISOString(), machine, reason })),
      };
    },
    async timeline({ query, now }) {
      const { machines, spans, truncated } = await pool.timeline(
        timeOf('from', query.from),
        timeOf('to', query.to),
        now,
      );
      return { machines: [...machines], spans: spans.map(spanOnWire), truncated };
    },
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

/** One item per machine. What is needed to connect is for the holder and for admins. */
function itemsOnWire(reservation: ReservationView, open: boolean, now: Date) {
  return reservation.machines.map((machine) => ({
    reservation_id: reservation.id,
    holder: reservation.holder,
    username: open ? reservation.accountName : null,
    machine: machine.machine,
    host: open ? machine.host : null,
    port: open ? machine.port : null,
    reserved_until: reservation.endsAt.toISOString(),
    seconds_remaining: Math.max(0, Math.round((reservation.endsAt.getTime() - now.getTime()) / 1000)),
    state: machine.state,
    problem: open ? machine.problem : null,
    next_try_at: open && machine.problem !== null ? (machine.nextTryAt?.toISOString() ?? null) : null,
    created_at: reservation.startsAt.toISOString(),
    ended_at: reservation.endedAt?.toISOString() ?? null,
    end_reason: reservation.endReason,
  }));
}

function spanOnWire(span: Timeline['spans'][number]) {
  return {
    machine: span.machine,
    reservation_id: span.reservationId,
    username: span.holder,
    from: span.from.toISOString(),
    to: span.to.toISOString(),
    cleaning_since: span.cleaningSince?.toISOString() ?? null,
    state: span.state,
  };
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
