import { AccessError, reachable } from '#core/access/driver.ts';
import { isDirt } from '#core/domain/finding.ts';
import { FAILURES_UNTIL_UNREACHABLE, type MachineState, pauseAfterFailures } from '#core/domain/machine.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { Machine } from '#core/store/machines.ts';
import { keptBack } from './kept-back.ts';
import type { Workplace } from './workplace.ts';

/** How often a machine that is well is looked at. */
const PROBE_EVERY_MS = 60_000;
/** A clock that is further off than this makes log-ins and logs confusing, and is worth a word. */
const SKEW_WORTH_A_WORD_SECONDS = 30;

/** States that Berth itself moves a machine between; the others wait for an admin. */
const PROBED: readonly MachineState[] = ['checking', 'ready', 'unreachable'];

/** A probe that is to start as soon as there is room for it in this process. */
export function checkSoon(place: Workplace, machine: Machine): void {
  place.background.start(`check ${machine.id}`, async () => {
    try {
      await checkHealth(place, machine);
    } catch (error) {
      if (error instanceof Refusal) return;
      place.log.error({ err: error, machine: machine.name }, 'probe broke off');
    }
  });
}

/** Probes one machine, unless somebody else does, and notes what came out. */
async function checkHealth(place: Workplace, machine: Machine): Promise<void> {
  const until = new Date(place.clock().getTime() + place.driver.timeLimitMs + 10_000);
  if (!(await place.store.tables.machines.takeProbe(machine.id, machine.nextProbeAt, until))) return;
  try {
    const report = await place.driver.probe(reachable(machine));
    const now = place.clock();
    const skew = Math.round(report.clockSkewSeconds);
    const odd = Math.abs(skew) > SKEW_WORTH_A_WORD_SECONDS;
    await place.store.transaction(async (tables) => {
      const found = await tables.machines.lockByName(machine.name);
      // Changed since it was read: what was probed is not what is registered now.
      if (!found || found.id !== machine.id || !sameAddress(found, machine) || !PROBED.includes(found.state)) return;
      // It can be reached, and is not lent before it is clean.
      const dirty = found.findings.some(isDirt);
      await tables.machines.update(machine.id, {
        state: 'ready',
        failures: 0,
        reason: odd ? `its clock is ${Math.abs(skew)} s ${skew > 0 ? 'ahead' : 'behind'}` : null,
        mend: odd ? 'Set its clock, for example by running an NTP client on it.' : null,
        operatingSystem: report.operatingSystem.slice(0, 255),
        hostKey: found.hostKey ?? report.hostKey,
        // A machine that was lent before, by another Berth or under another entry, has fenced off low generations.
        generation: Math.max(found.generation, report.fence),
        offeredHostKey: null,
        probedAt: now,
        nextProbeAt: new Date(now.getTime() + PROBE_EVERY_MS),
        ...(dirty && keptBack(found.findings)),
      });
      if (dirty || found.state !== 'ready') {
        await tables.audit.add({
          at: now,
          actor: 'scheduler',
          action: dirty ? 'machine.quarantined' : 'machine.ready',
          subject: machine.name,
          details: { before: found.state },
        });
        await tables.allocations.retryCleaningOn(machine.id, now);
      }
    });
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    await noteFailure(place, machine, error, place.clock());
  }
}

/**
 * Notes that a machine could not be used. A changed host key puts it in quarantine at once; after other failures it is not
 * lent until a probe passes, and counts as unreachable after several in a row.
 */
export async function noteFailure(place: Workplace, machine: Machine, error: AccessError, now: Date): Promise<void> {
  await place.store.transaction(async (tables) => {
    const found = await tables.machines.lockByName(machine.name);
    if (!found || found.id !== machine.id || !sameAddress(found, machine) || !PROBED.includes(found.state)) return;
    const failures = found.failures + 1;
    const quarantine = error.code === 'host_key_changed';
    const state: MachineState = quarantine
      ? 'quarantined'
      : failures >= FAILURES_UNTIL_UNREACHABLE || found.state === 'unreachable'
        ? 'unreachable'
        : 'checking';
    await tables.machines.update(machine.id, {
      state,
      failures,
      reason: error.message,
      mend: error.mend,
      ...(quarantine && { offeredHostKey: error.offeredHostKey }),
      probedAt: now,
      nextProbeAt: new Date(now.getTime() + pauseAfterFailures(failures)),
    });
    if (state !== found.state) {
      await tables.audit.add({
        at: now,
        actor: 'scheduler',
        action: `machine.${state}`,
        subject: machine.name,
        details: { before: found.state, reason: error.message },
      });
    }
  });
  if (error.code === 'host_key_changed') place.driver.forget(machine.id);
}

/** Notes that a machine answered. One that was failing is probed again at once. */
export async function noteSuccess(place: Workplace, machine: Machine, now: Date): Promise<void> {
  if (machine.failures === 0) return;
  await place.store.tables.machines.updateIn(['checking', 'unreachable'], machine.id, { nextProbeAt: now });
}

export function sameAddress(a: Machine, b: Machine): boolean {
  return a.host === b.host && a.port === b.port && a.user === b.user && a.hostKey === b.hostKey;
}
