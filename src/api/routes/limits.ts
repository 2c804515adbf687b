import { type Limits, type OwnLimits, wholeMinutes } from '#core/domain/limits.ts';
import type { Standing } from '#core/pool/limits.ts';
import type { ApiDeps, Handlers } from '../handler.ts';

export function limitHandlers({ pool: { limits } }: ApiDeps) {
  return {
    async limits({ caller, now }) {
      const found = await limits.of(caller, caller.name, now);
      return { ...standingOnWire(found), admins: [...found.admins] };
    },
    userLimits: async ({ caller, now, params }) => ofUserOnWire(await limits.of(caller, params.username, now)),
    changeUserLimits: async ({ caller, now, params, body }) =>
      ofUserOnWire(await limits.changeUser(caller, params.username, fromWire(body), now)),
    roleLimits: async ({ params }) => onWire(await limits.ofRole(params.role)),
    changeRoleLimits: async ({ caller, now, params, body }) =>
      onWire(await limits.changeRole(caller, params.role, fromWire(body), now)),
  } satisfies Partial<Handlers>;
}

function ofUserOnWire(found: Standing) {
  return { own: onWire(found.own), ...standingOnWire(found) };
}

function standingOnWire({ limits, used }: Standing) {
  return {
    limits: onWire(limits),
    used: {
      machines: used.machines,
      reservations: used.reservations,
      machine_minutes_ahead: wholeMinutes(used.msAhead),
    },
  };
}

function onWire<L extends Limits | OwnLimits>({ machineMinutesAhead, machines, reservations, minutes }: L) {
  return { machines, reservations, minutes, machine_minutes_ahead: machineMinutesAhead } as {
    [N in 'machines' | 'reservations' | 'minutes' | 'machine_minutes_ahead']: L['machines'];
  };
}

function fromWire<V extends number | null | 'role'>({
  machine_minutes_ahead: machineMinutesAhead,
  ...rest
}: {
  machines?: V;
  reservations?: V;
  minutes?: V;
  machine_minutes_ahead?: V;
}) {
  return { ...rest, ...(machineMinutesAhead !== undefined && { machineMinutesAhead }) };
}
