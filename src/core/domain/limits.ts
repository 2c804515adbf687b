/** How much of the pool one user may have. Null: no limit. */
export interface Limits {
  /** Machines in the user's hands; one that is being cleaned is not any more. */
  readonly machines: number | null;
  /** Reservations that are preparing or active. */
  readonly reservations: number | null;
  /** From the start to the end of one reservation, extensions included. */
  readonly minutes: number | null;
  /** Of all the machines in the user's hands, the minutes until their reservations end, added up. */
  readonly machineMinutesAhead: number | null;
}

export type LimitName = keyof Limits;

/** A user's own values. `role`: as the role has it. */
export type OwnLimits = { readonly [N in LimitName]: Limits[N] | 'role' };

export const LIMIT_NAMES = [
  'machines',
  'reservations',
  'minutes',
  'machineMinutesAhead',
] as const satisfies LimitName[];

export const NO_LIMITS: Limits = { machines: null, reservations: null, minutes: null, machineMinutesAhead: null };
export const AS_THE_ROLE: OwnLimits = {
  machines: 'role',
  reservations: 'role',
  minutes: 'role',
  machineMinutesAhead: 'role',
};

/** What a user has of the pool at one moment. */
export interface Use {
  readonly machines: number;
  readonly reservations: number;
  readonly msAhead: number;
}

/** What somebody wants to have on top of that. */
export interface Wish {
  readonly machines: number;
  readonly reservations: number;
  readonly msAhead: number;
  /** How long the reservation is to be as a whole. */
  readonly minutes: number;
}

/** A limit that a wish would go beyond. */
export interface Excess {
  readonly limit: LimitName;
  readonly allowed: number;
  /** Null where there is nothing to add up: each reservation has its own minutes. */
  readonly used: number | null;
  readonly asked: number;
}

/** What holds for a user: the own values, and the role's where there are none. */
export function effectiveLimits(role: Limits, own: OwnLimits): Limits {
  const value = (name: LimitName): number | null => {
    const mine = own[name];
    return mine === 'role' ? role[name] : mine;
  };
  return {
    machines: value('machines'),
    reservations: value('reservations'),
    minutes: value('minutes'),
    machineMinutesAhead: value('machineMinutesAhead'),
  };
}

/**
 * The first limit that a wish would go beyond; null when it may come true. What is not wished for is not looked at: a use
 * above a limit that was lowered later stands in the way of more of the same only.
 */
export function excess(limits: Limits, use: Use, wish: Wish): Excess | null {
  const { machines, reservations, minutes, machineMinutesAhead: ahead } = limits;
  if (reservations !== null && wish.reservations > 0 && use.reservations + wish.reservations > reservations) {
    return { limit: 'reservations', allowed: reservations, used: use.reservations, asked: wish.reservations };
  }
  if (machines !== null && wish.machines > 0 && use.machines + wish.machines > machines) {
    return { limit: 'machines', allowed: machines, used: use.machines, asked: wish.machines };
  }
  if (minutes !== null && wish.minutes > minutes) {
    return { limit: 'minutes', allowed: minutes, used: null, asked: wish.minutes };
  }
  if (ahead !== null && wish.msAhead > 0 && use.msAhead + wish.msAhead > ahead * 60_000) {
    const [used, asked] = [wholeMinutes(use.msAhead), wholeMinutes(wish.msAhead)];
    return { limit: 'machineMinutesAhead', allowed: ahead, used, asked };
  }
  return null;
}

/** Part of a minute counts as one. */
export function wholeMinutes(ms: number): number {
  return Math.ceil(ms / 60_000);
}
