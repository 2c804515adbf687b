import { isAdmin } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import { DEFAULT_MINUTES } from '#core/domain/reservation.ts';
import type { ReservationView } from '#core/pool/pool.ts';
import type { ApiDeps, Call, Handlers } from '../handler.ts';
import { reservationOnWire, reserveOnWire } from '../views.ts';

const DEFAULT_WAIT_SECONDS = 30;

interface ReserveQuery {
  readonly count?: number;
  readonly duration?: number;
  readonly reservation_password?: string;
  readonly username?: string;
}

interface ReservationBody {
  readonly count?: number;
  readonly duration_minutes?: number;
  readonly reservation_password?: string;
  readonly ssh_public_keys?: string[];
  readonly username?: string;
  readonly labels?: string[];
  readonly machines?: string[];
}

export function reservationHandlers({ pool }: ApiDeps): Handlers {
  const id = ({ request }: Call): string => (request.params as { id: string }).id;
  const releaseAll = async ({ caller, now }: Call) => {
    const released = await pool.releaseAll(caller, now);
    return { message: `released ${released} reservation${released === 1 ? '' : 's'}`, released };
  };

  return {
    async reserve({ caller, now, request }) {
      const query = request.query as ReserveQuery;
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

    async createReservation({ caller, now, request, reply }) {
      const body = request.body as ReservationBody;
      const { wait = DEFAULT_WAIT_SECONDS } = request.query as { wait?: number };
      const key = idempotencyKey(request.headers['idempotency-key']);
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
      const active = await within(settled, wait * 1000);
      return reply.code(active ? 201 : 202).send(reservationOnWire(active ?? reservation, madePassword));
    },

    async listReservations({ caller, now, request }) {
      const { mine = false } = request.query as { mine?: boolean };
      const reservations = await pool.listReservations(mine ? { holder: caller.name } : {});
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
          }));
        }),
      };
    },

    getReservation: async (call) => reservationOnWire(await pool.getReservation(call.caller, id(call))),
    release: async (call) => reservationOnWire(await pool.release(call.caller, id(call), call.now)),
    async releaseMachine(call) {
      const { machine } = call.request.params as { machine: string };
      return reservationOnWire(await pool.release(call.caller, id(call), call.now, machine));
    },
    async extend(call) {
      const { minutes } = call.request.body as { minutes: number };
      return reservationOnWire(await pool.extend(call.caller, id(call), minutes, call.now));
    },
    releaseAll,
    releaseAllByPost: releaseAll,
    available: () => pool.available(),
  };
}

function idempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(header)) {
    throw new Refusal('invalid_request', 'Idempotency-Key: 1 to 255 visible ASCII characters are needed');
  }
  return header;
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
