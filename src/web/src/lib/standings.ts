import { useMemo } from 'react';
import { type HeldMachine, type Machine, useHeldMachines, useMachines } from './queries.ts';

/** What a machine is good for right now. */
export interface Standing {
  readonly name: string;
  /** `free`, the state of the allocation that holds it (`preparing`, `reserved`, `cleaning`), or why it is not lent. */
  readonly state:
    | 'free'
    | 'preparing'
    | 'reserved'
    | 'cleaning'
    | 'checking'
    | 'unreachable'
    | 'quarantined'
    | 'disabled';
  readonly machine: Machine;
  /** The reservation that holds it; null when none does. */
  readonly held: HeldMachine | null;
}

/** All machines with what they are good for, in the order of their names: two lists of the server as one. */
export function useStandings() {
  const machines = useMachines();
  const held = useHeldMachines(false);
  const data = useMemo(
    () => (machines.data && held.data ? combine(machines.data, held.data) : undefined),
    [machines.data, held.data],
  );
  return {
    data,
    isPending: machines.isPending || held.isPending,
    error: machines.error ?? held.error,
    refetch: () => Promise.all([machines.refetch(), held.refetch()]),
  };
}

export function countByState(standings: readonly Standing[]): Readonly<Record<Standing['state'], number>> {
  const counts = {
    free: 0,
    preparing: 0,
    reserved: 0,
    cleaning: 0,
    checking: 0,
    unreachable: 0,
    quarantined: 0,
    disabled: 0,
  };
  for (const { state } of standings) counts[state] += 1;
  return counts;
}

/** One machine with what holds it, found among all that are held. */
export function standingOf(machine: Machine, held: readonly HeldMachine[]): Standing {
  const holding = held.find(({ machine: name, state }) => name === machine.name && state !== 'cleaned') ?? null;
  return { name: machine.name, machine, held: holding, state: stateOf(machine, holding) };
}

function combine(machines: readonly Machine[], held: readonly HeldMachine[]): Standing[] {
  const open = new Map(held.filter(({ state }) => state !== 'cleaned').map((one) => [one.machine, one]));
  return machines.map((machine) => {
    const holding = open.get(machine.name) ?? null;
    return { name: machine.name, machine, held: holding, state: stateOf(machine, holding) };
  });
}

function stateOf(machine: Machine, held: HeldMachine | null): Standing['state'] {
  if (held?.state === 'cleaning') return 'cleaning';
  if (held?.state === 'preparing') return 'preparing';
  // The two lists come one after the other: what the machine itself says counts when they differ.
  if (held || machine.reserved) return 'reserved';
  return machine.state === 'ready' ? 'free' : (machine.state as Standing['state']);
}

/** Why a machine is not lent, or is odd; without its name, which stands beside it anyway. */
export function reasonOf({ name, reason }: Machine): string | null {
  return reason?.startsWith(`${name}: `) ? reason.slice(name.length + 2) : reason;
}

/** Where it is reached; null when that is not told to whoever looks. */
export function addressOf({ host, port }: Machine): string | null {
  return host === null ? null : `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
