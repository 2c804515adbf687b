import type { Upkeep } from '#core/pool/create-pool.ts';

/** How long each round rests before the next: well under the two seconds in which an end has to take effect. */
const EXPIRE_MS = 500;
const RESUME_MS = 500;
const HEALTH_MS = 1_000;
const VERIFY_MS = 5_000;
const SEAL_MS = 500;
const PRUNE_MS = 60_000;
const BEAT_MS = 2_000;

export interface SchedulerLog {
  error(facts: object, message: string): void;
}

/**
 * Runs the upkeep of the pool until it is stopped. Any number of these may run at once, in one process or many: every round
 * is a set of conditional updates. A round that fails is logged and the next one tries again.
 */
export function startScheduler(upkeep: Upkeep, clock: () => Date, log: SchedulerLog): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const rounds: [string, number, (now: Date) => Promise<unknown>][] = [
    ['expire', EXPIRE_MS, (now) => upkeep.expireDue(now)],
    ['prepare', RESUME_MS, (now) => upkeep.resumePreparations(now)],
    ['clean', RESUME_MS, (now) => upkeep.resumeCleanings(now)],
    ['health', HEALTH_MS, (now) => upkeep.checkDueMachines(now)],
    ['verify', VERIFY_MS, (now) => upkeep.verifyDueMachines(now)],
    ['seal audit', SEAL_MS, (now) => upkeep.sealAudit(now)],
    ['prune audit', PRUNE_MS, (now) => upkeep.pruneAudit(now)],
    ['heartbeat', BEAT_MS, (now) => upkeep.beat(now)],
  ];
  const running = rounds.map(async ([name, pauseMs, round]) => {
    let failing = false;
    while (!stopping.signal.aborted) {
      try {
        await round(clock());
        failing = false;
      } catch (error) {
        // Once per outage, not twice a second.
        if (!failing) log.error({ err: error, round: name }, 'scheduler round failed; it is tried again');
        failing = true;
      }
      await pause(pauseMs, stopping.signal);
    }
  });
  return {
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
