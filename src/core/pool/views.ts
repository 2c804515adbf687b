import type { PlacedAllocation } from '#core/store/allocations.ts';
import type { HeldMachine } from '#core/store/machines.ts';
import type { Reservation } from '#core/store/reservations.ts';
import { hostKeyFingerprint } from './host-key.ts';
import type { AllocationView, MachineView, ReservationView } from './pool.ts';
import { removalView } from './removal.ts';

export function machineView(machine: HeldMachine): MachineView {
  return {
    name: machine.name,
    host: machine.host,
    port: machine.port,
    user: machine.user,
    labels: machine.labels,
    state: machine.state,
    reason: machine.reason,
    mend: machine.mend,
    hostKeyFingerprint: machine.hostKey && hostKeyFingerprint(machine.hostKey),
    offeredHostKeyFingerprint: machine.offeredHostKey && hostKeyFingerprint(machine.offeredHostKey),
    operatingSystem: machine.operatingSystem,
    probedAt: machine.probedAt,
    verifiedAt: machine.verifiedAt,
    findings: machine.findings,
    createdAt: machine.createdAt,
    held: machine.held,
  };
}

/**
 * A reservation with the machines that it has or had. Machines that were swapped while it was prepared are left out as
 * soon as they are clean.
 */
export function reservationView(reservation: Reservation, allocations: readonly PlacedAllocation[]): ReservationView {
  const over = reservation.state === 'ended' || reservation.state === 'failed';
  return {
    id: reservation.id,
    holder: reservation.holder,
    accountName: reservation.accountName,
    state: reservation.state,
    startsAt: reservation.startsAt,
    endsAt: reservation.endsAt,
    endedAt: reservation.endedAt,
    endReason: reservation.endReason,
    machines: allocations
      .filter((one) => over || one.state !== 'cleaned' || one.preparedAt !== null)
      .map(allocationView),
  };
}

function allocationView(allocation: PlacedAllocation): AllocationView {
  return {
    machine: allocation.machineName,
    host: allocation.host ?? '',
    port: allocation.port ?? 0,
    hostKey: allocation.hostKey,
    state: allocation.state,
    preparedAt: allocation.preparedAt,
    problem: allocation.problem,
    nextTryAt: allocation.state === 'cleaning' ? allocation.nextTryAt : null,
    tries: allocation.attempts,
    removal: removalView(allocation.removal, allocation.cleanedAt),
  };
}
