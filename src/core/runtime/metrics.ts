import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { AccessFailure } from '#core/access/driver.ts';
import type { Stock } from '#core/pool/pool.ts';

/** Prometheus metrics of one process. */
export interface Metrics {
  readonly registry: Registry;
  /** Counts one call to a machine. */
  readonly sshCall: (
    verb: 'probe' | 'create' | 'remove' | 'verify',
    seconds: number,
    failure: AccessFailure | null,
  ) => void;
  /** Where the figures of the pool come from, asked for each time the metrics are read. */
  watchPool(stock: () => Promise<Stock>): void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const duration = new Histogram({
    name: 'berth_ssh_duration_seconds',
    help: 'Time that a call to a machine took',
    labelNames: ['verb'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const failures = new Counter({
    name: 'berth_ssh_failures_total',
    help: 'Calls to machines that failed, by reason',
    labelNames: ['verb', 'reason'],
    registers,
  });
  return {
    registry,
    sshCall(verb, seconds, failure) {
      duration.observe({ verb }, seconds);
      if (failure) failures.inc({ verb, reason: failure });
    },
    watchPool(stock) {
      watchPool(registry, stock);
    },
  };
}

function watchPool(registry: Registry, stock: () => Promise<Stock>): void {
  const registers = [registry];
  const held = new Gauge({ name: 'berth_machines_held', help: 'Machines in an open allocation', registers });
  const backlog = new Gauge({
    name: 'berth_cleaning_backlog',
    help: 'Allocations that wait to be proven clean',
    registers,
  });
  const age = new Gauge({
    name: 'berth_cleaning_oldest_seconds',
    help: 'How long the oldest of them has waited',
    registers,
  });
  const unsealed = new Gauge({
    name: 'berth_audit_unsealed_seconds',
    help: 'How long the oldest audit row has waited to be sealed',
    registers,
  });
  const failing = new Gauge({
    name: 'berth_cleaning_failing',
    help: 'Of them, those that could not be cleaned so far',
    registers,
  });
  const withFindings = new Gauge({
    name: 'berth_machines_with_findings',
    help: 'Machines on which a look found what ought not to be so',
    registers,
  });
  const reservations = new Gauge({
    name: 'berth_reservations',
    help: 'Reservations that are not over, by state',
    labelNames: ['state'],
    registers,
  });
  new Gauge({
    name: 'berth_machines',
    help: 'Registered machines by state',
    labelNames: ['state'],
    registers,
    async collect() {
      // Without a database the figures of the pool are unknown: none is better than an old one.
      const now = await stock().catch(() => null);
      if (!now) return;
      for (const [state, n] of Object.entries(now.machinesByState)) this.set({ state }, n);
      for (const [state, n] of Object.entries(now.reservationsByState)) reservations.set({ state }, n);
      held.set(now.machinesHeld);
      backlog.set(now.cleaningBacklog);
      failing.set(now.cleaningFailing);
      withFindings.set(now.machinesWithFindings);
      age.set(now.oldestCleaningSeconds);
      unsealed.set(now.oldestUnsealedSeconds);
    },
  });
}
