import type { UserView } from '#core/accounts/accounts.ts';
import type { ApiTokenView } from '#core/accounts/api-tokens.ts';
import { type Actor, isAdmin, type Role } from '#core/domain/actor.ts';
import { isDirt } from '#core/domain/finding.ts';
import type { MachineView, RemovalView, ReservationView, Verification } from '#core/pool/pool.ts';

/** From the core's shapes to what crosses the wire. */

export function rolesOnWire({ role }: { role: Role }): string[] {
  return role === 'admin' ? ['admin'] : [];
}

export function userOnWire(user: UserView) {
  return {
    username: user.username,
    is_admin: user.role === 'admin',
    disabled: user.disabled,
    service: user.service,
    second_factor: user.secondFactor,
    created_at: user.createdAt.toISOString(),
  };
}

export function apiTokenOnWire(token: ApiTokenView) {
  return {
    id: token.id,
    name: token.name,
    scopes: [...token.scopes],
    created_at: token.createdAt.toISOString(),
    expires_at: token.expiresAt.toISOString(),
    last_used_at: token.lastUsedAt?.toISOString() ?? null,
  };
}

/** A machine as the caller may see it: how it is reached is for admins and for who has an account on it. */
export function machineOnWire(machine: MachineView, caller: Actor) {
  const reaches = isAdmin(caller) || hasAccountOn(machine, caller);
  return {
    name: machine.name,
    host: reaches ? machine.host : null,
    port: reaches ? machine.port : null,
    user: isAdmin(caller) ? machine.user : null,
    labels: [...machine.labels],
    state: machine.state,
    reason: machine.reason,
    mend: machine.mend,
    reserved: machine.held !== null,
    reserved_by: machine.held?.holder ?? null,
    reserved_until: machine.held?.until.toISOString() ?? null,
    host_key_fingerprint: machine.hostKeyFingerprint,
    offered_host_key_fingerprint: machine.offeredHostKeyFingerprint,
    operating_system: machine.operatingSystem,
    probed_at: machine.probedAt?.toISOString() ?? null,
    verified_at: machine.verifiedAt?.toISOString() ?? null,
    findings: isAdmin(caller) ? machine.findings.map((one) => ({ ...one })) : [],
    created_at: machine.createdAt.toISOString(),
  };
}

export function reservationOnWire(reservation: ReservationView, password: string | null = null) {
  return {
    reservation_id: reservation.id,
    holder: reservation.holder,
    username: reservation.accountName,
    state: reservation.state,
    reserved_until: reservation.endsAt.toISOString(),
    duration_minutes: minutes(reservation),
    created_at: reservation.startsAt.toISOString(),
    ended_at: reservation.endedAt?.toISOString() ?? null,
    end_reason: reservation.endReason,
    machines: reservation.machines.map((one) => ({
      machine: one.machine,
      host: one.host,
      port: one.port,
      host_key: one.hostKey,
      state: one.state,
      prepared_at: one.preparedAt?.toISOString() ?? null,
      problem: one.problem,
      next_try_at: one.nextTryAt?.toISOString() ?? null,
      failed_tries: one.tries,
      removal: one.removal && removalOnWire(one.removal),
    })),
    ...(password !== null && { password }),
  };
}

function removalOnWire(removal: RemovalView) {
  return {
    outcome: removal.outcome,
    uid: removal.uid,
    processes_ended: removal.processesEnded,
    processes_killed: removal.processesKilled,
    sessions_ended: removal.sessionsEnded,
    files_removed: removal.filesRemoved,
    files_in: removal.filesIn,
    // A removal with something left is none: it is tried again, and has a problem instead of a report.
    checks: removal.checked.map((check) => ({ check, gone: true })),
    started_at: removal.startedAt?.toISOString() ?? null,
    ended_at: removal.endedAt?.toISOString() ?? null,
    tries: removal.tries,
  };
}

export function verificationOnWire(machine: string, { at, findings, repaired, loginKeys }: Verification) {
  return {
    machine,
    verified_at: at.toISOString(),
    clean: !findings.some(isDirt),
    findings: findings.map((one) => ({ ...one })),
    repaired: repaired.map((one) => ({ ...one })),
    login_keys: loginKeys,
  };
}

function hasAccountOn({ held }: MachineView, caller: Actor): boolean {
  return held !== null && held.holder === caller.name && (held.state === 'preparing' || held.state === 'active');
}

/** The answer that the specification gives to GET /api/reserve. */
export function reserveOnWire(reservation: ReservationView, password: string | null) {
  return {
    username: reservation.accountName,
    machines: reservation.machines
      .filter((one) => one.state === 'active')
      .map(({ machine, host, port }) => ({ machine, host, port })),
    reserved_until: reservation.endsAt.toISOString(),
    duration_minutes: minutes(reservation),
    reservation_id: reservation.id,
    ...(password !== null && { password }),
  };
}

function minutes(reservation: ReservationView): number {
  return (reservation.endsAt.getTime() - reservation.startsAt.getTime()) / 60_000;
}
