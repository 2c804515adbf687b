import { type Actor, by, isAdmin, type Role } from '#core/domain/actor.ts';
import {
  type Excess,
  effectiveLimits,
  excess,
  LIMIT_NAMES,
  type Limits,
  type OwnLimits,
  type Use,
  type Wish,
} from '#core/domain/limits.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { Store, Tables } from '#core/store/store.ts';

/** What a user may have of the pool and has of it. */
export interface Standing {
  readonly own: OwnLimits;
  /** What holds: the own values, and the role's where there are none. */
  readonly limits: Limits;
  readonly used: Use;
  /** Some admins who may raise it. */
  readonly admins: readonly string[];
}

/** How much of the pool users may have. It is looked at when they reserve and extend; nothing that they have is ended by it. */
export interface PoolLimits {
  /** Refusals: not_found; forbidden (for others than oneself, unless one is an admin). */
  of(actor: Actor, username: string, now: Date): Promise<Standing>;
  ofRole(role: Role): Promise<Limits>;
  /** Changes what is given. Refusals: forbidden. */
  changeRole(actor: Actor, role: Role, changes: Partial<Limits>, now: Date): Promise<Limits>;
  /** Changes what is given. Refusals: not_found, forbidden. */
  changeUser(actor: Actor, username: string, changes: Partial<OwnLimits>, now: Date): Promise<Standing>;
}

/** Enough to know whom to ask. */
const ADMINS_NAMED = 3;

export function createLimits(store: Store): PoolLimits {
  const of: PoolLimits['of'] = async (actor, username, now) => {
    if (actor.name !== username && !isAdmin(actor))
      throw new Refusal('forbidden', 'only an admin may see this of others');
    const { tables } = store;
    const user = await tables.users.byName(username);
    const found = user && (await tables.limits.ofUser(user.id));
    if (!found) throw noSuchUser(username);
    const [used, admins] = await Promise.all([
      tables.limits.use(user.id, now),
      tables.users.someActiveAdmins(ADMINS_NAMED),
    ]);
    return { own: found.own, limits: effectiveLimits(found.ofRole, found.own), used, admins };
  };

  return {
    of,
    ofRole: (role) => store.tables.limits.ofRole(role),

    async changeRole(actor, role, changes, now) {
      adminsOnly(actor);
      return await store.transaction(async (tables) => {
        const before = await tables.limits.lockRole(role);
        const after = { ...before, ...changes };
        await tables.limits.setOfRole(role, after);
        await audit(tables, actor, `role:${role}`, before, after, now);
        return after;
      });
    },

    async changeUser(actor, username, changes, now) {
      adminsOnly(actor);
      await store.transaction(async (tables) => {
        const user = await tables.users.byName(username);
        // Whoever reserves at this moment has done so before, or sees the new values.
        if (user) await tables.users.touch(user.id);
        const found = user && (await tables.limits.ofUser(user.id));
        if (!found) throw noSuchUser(username);
        const after = { ...found.own, ...changes };
        await tables.limits.setOfUser(user.id, after);
        await audit(tables, actor, username, found.own, after, now);
      });
      return await of(actor, username, now);
    },
  };
}

/**
 * Within the transaction that makes the wish come true, after it has touched the user: of two that do so at once the second
 * one sees what the first one took. The holder's limits count, whoever asks.
 * @throws Refusal `limit_reached` with `limit`, `allowed`, `used`, `asked` and the `admins` who can raise it.
 */
export async function refuseBeyondLimits(
  tables: Tables,
  actor: Actor,
  holder: { readonly id: string; readonly name: string },
  wish: Wish,
  now: Date,
): Promise<void> {
  const found = await tables.limits.ofUser(holder.id);
  if (!found) return;
  const limits = effectiveLimits(found.ofRole, found.own);
  if (LIMIT_NAMES.every((name) => limits[name] === null)) return;
  const beyond = excess(limits, await tables.limits.use(holder.id, now), wish);
  if (!beyond) return;
  const admins = await tables.users.someActiveAdmins(ADMINS_NAMED);
  const who = actor.kind === 'user' && actor.id === holder.id ? null : holder.name;
  throw new Refusal('limit_reached', `${inWords(beyond, who)}; an admin can raise it: ${admins.join(', ')}`, {
    limit: WIRE_NAMES[beyond.limit],
    allowed: beyond.allowed,
    used: beyond.used,
    asked: beyond.asked,
    admins,
  });
}

/** Names as they cross the wire and stand in the audit log. */
const WIRE_NAMES = {
  machines: 'machines',
  reservations: 'reservations',
  minutes: 'minutes',
  machineMinutesAhead: 'machine_minutes_ahead',
} as const satisfies Record<(typeof LIMIT_NAMES)[number], string>;

function inWords({ limit, allowed, used, asked }: Excess, holder: string | null): string {
  const has = holder === null ? 'you have' : `${holder} has`;
  const may = holder === null ? 'you may have' : `${holder} may have`;
  switch (limit) {
    case 'machines':
      return `machines: ${has} ${used} and this takes ${asked} more; ${may} ${allowed} at once`;
    case 'reservations':
      return `reservations: ${has} ${used}; ${may} ${allowed} at once`;
    case 'minutes':
      return `minutes: the reservation would last ${asked}; ${may} ${allowed} per reservation`;
    case 'machineMinutesAhead':
      return `machine_minutes_ahead: ${has} ${used} and this takes ${asked} more; ${may} ${allowed}, all machines' minutes until their end added up`;
  }
}

async function audit(
  tables: Tables,
  actor: Actor,
  subject: string,
  before: Limits | OwnLimits,
  after: Limits | OwnLimits,
  now: Date,
): Promise<void> {
  await tables.audit.add({
    at: now,
    ...by(actor),
    action: 'limits.changed',
    subject,
    details: { before: named(before), after: named(after) },
  });
}

function named(limits: Limits | OwnLimits): Record<string, number | null | 'role'> {
  return Object.fromEntries(LIMIT_NAMES.map((name) => [WIRE_NAMES[name], limits[name]]));
}

function adminsOnly(actor: Actor): void {
  if (!isAdmin(actor)) throw new Refusal('forbidden', 'only an admin can change limits');
}

function noSuchUser(username: string): Refusal {
  return new Refusal('not_found', `username: there is no user named "${username}"`);
}
