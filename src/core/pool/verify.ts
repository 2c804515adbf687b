import { AccessError, reachable } from '#core/access/driver.ts';
import { type Actor, by, isAdmin } from '#core/domain/actor.ts';
import { type Finding, isDirt, isDrift } from '#core/domain/finding.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { Allocation } from '#core/store/allocations.ts';
import type { Machine } from '#core/store/machines.ts';
import { checkSoon, noteFailure, sameAddress } from './check-health.ts';
import { judge } from './judge.ts';
import { keptBack } from './kept-back.ts';
import type { Pool, Verification } from './pool.ts';
import { orderFor } from './prepare.ts';
import type { Workplace } from './workplace.ts';

const HOUR_MS = 3_600_000;
/** A machine that is kept back for what was found is looked at more often: somebody may have cleaned it by hand. */
const AGAIN_WHEN_DIRTY_MS = HOUR_MS;
export const DEFAULT_VERIFY_HOURS = 24;
/** Looks that one process begins in a round: they come after everything else. */
const ROUND = 2;

/** See Pool.verifyMachine. */
export async function verifyMachine(
  place: Workplace,
  actor: Actor,
  name: string,
  repair: boolean,
): ReturnType<Pool['verifyMachine']> {
  if (!isAdmin(actor)) throw new Refusal('forbidden', 'only an admin can have a machine looked through');
  const machine = await place.store.tables.machines.byName(name);
  if (!machine) throw new Refusal('not_found', `machine: there is no machine named "${name}"`);
  try {
    return await verify(place, actor, machine, repair);
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    await noteFailure(place, machine, error, place.clock());
    throw new Refusal('unavailable', `machine: it could not be looked through: ${error.message}. ${error.mend}`);
  }
}

/** Begins the looks that are due. */
export async function verifyDueMachines(place: Workplace, now: Date): Promise<void> {
  if (place.verifyEveryHours === 0) return;
  for (const machine of await place.store.tables.machines.dueForVerification(now, ROUND)) {
    const until = new Date(now.getTime() + HOUR_MS);
    if (!(await place.store.tables.machines.takeVerification(machine.id, machine.nextVerifyAt, until))) continue;
    place.background.start(`verify ${machine.id}`, async () => {
      try {
        await verify(place, { kind: 'system', name: 'scheduler' }, machine, false);
      } catch (error) {
        if (error instanceof Refusal) return;
        if (error instanceof AccessError) return await noteFailure(place, machine, error, place.clock());
        place.log.error({ err: error, machine: machine.name }, 'the look at a machine broke off');
      }
    });
  }
}

/** @throws AccessError; Refusal when the machine is changed or lent meanwhile. */
async function verify(place: Workplace, actor: Actor, machine: Machine, repair: boolean): Promise<Verification> {
  const first = await look(place, machine);
  // Kept from being lent before anything is mended, so that nobody gets in meanwhile.
  await note(place, actor, machine, first.findings, []);
  if (!repair || !first.findings.some(isDrift)) return verificationOf(first, []);
  await mend(place, machine, first);
  const second = await look(place, machine);
  const left = new Set(second.findings.map(({ words }) => words));
  const mended = first.findings.filter((one) => isDrift(one) && !left.has(one.words));
  await note(place, actor, machine, second.findings, mended);
  return verificationOf(second, mended);
}

type Look = Awaited<ReturnType<typeof look>>;

async function look(place: Workplace, machine: Machine) {
  const { allocations, machines } = place.store.tables;
  const since = place.clock();
  // The row is read first: when nothing is open after it, all generations up to its own have ended.
  const [row] = await machines.byIds([machine.id]);
  const open = await allocations.openOnMachine(machine.id);
  const endedGeneration = Math.max(0, open ? open.generation - 1 : (row?.generation ?? 0));
  const before = open?.state === 'active' ? open : null;
  const reservation = before ? await place.store.tables.reservations.byId(before.reservationId) : undefined;
  const expected =
    before && reservation
      ? { allocationId: before.id, accountName: reservation.accountName, authorizedKeys: reservation.authorizedKeys }
      : null;
  const report = await place.driver.verify(reachable(machine), { expected, endedGeneration, repair: false });
  const rows = await allocations.byIds([
    ...report.accounts.map(({ allocationId }) => allocationId),
    ...(before ? [before.id] : []),
  ]);
  const found = new Map(rows.map((one) => [one.id, one]));
  const still = before && found.get(before.id)?.state === 'active' ? before : null;
  const judged = judge(report, {
    machineId: machine.id,
    since,
    allocations: found,
    expected: expected ? still : null,
    accountName: expected?.accountName ?? null,
    endedGeneration,
  });
  return { ...judged, report, expected: still, endedGeneration, at: place.clock() };
}

/** Takes away what belongs to nobody, and makes the account that has to be there. */
async function mend(place: Workplace, machine: Machine, found: Look): Promise<void> {
  const { tables } = place.store;
  const access = reachable(machine);
  const missing = found.findings.some(({ kind }) => kind === 'missing_account');
  if (missing && found.expected) await makeAgain(place, machine, found.expected);
  const open = await tables.allocations.openOnMachine(machine.id);
  if (open) {
    if (!found.findings.some((one) => isDrift(one) && one.kind !== 'missing_account')) return;
    // Somebody is at work there, who could turn what root does in the wrong direction.
    throw new Refusal(
      'still_in_use',
      'machine: it is reserved or not clean yet; it is repaired when nobody is on it, and not lent before',
      { reservation_id: open.reservationId },
    );
  }
  const fence = found.endedGeneration;
  for (const { allocationId, accountName } of found.strays) {
    await place.driver.removeAccount(access, { allocationId, accountName, generation: fence });
  }
  await place.driver.verify(access, { expected: null, endedGeneration: fence, repair: true });
}

async function makeAgain(place: Workplace, machine: Machine, allocation: Allocation): Promise<void> {
  const reservation = await place.store.tables.reservations.byId(allocation.reservationId);
  if (reservation?.state !== 'active') return;
  await place.driver.createAccount(reachable(machine), orderFor(reservation, allocation));
}

/** Keeps what was found; a machine with dirt is kept from being lent, one without any more comes back. */
async function note(
  place: Workplace,
  actor: Actor,
  machine: Machine,
  findings: readonly Finding[],
  mended: readonly Finding[],
): Promise<void> {
  const now = place.clock();
  const dirt = findings.filter(isDirt);
  const drift = findings.filter(isDrift);
  const freed = await place.store.transaction(async (tables) => {
    const found = await tables.machines.lockByName(machine.name);
    if (!found || found.id !== machine.id || !sameAddress(found, machine)) {
      throw new Refusal('conflict', 'machine: it was changed meanwhile; try again');
    }
    const wasKeptBack = found.state === 'quarantined' && found.findings.some(isDirt) && found.offeredHostKey === null;
    const keepBack = dirt.length > 0 && found.state !== 'disabled' && (found.state !== 'quarantined' || wasKeptBack);
    const free = dirt.length === 0 && wasKeptBack;
    await tables.machines.update(found.id, {
      verifiedAt: now,
      nextVerifyAt: nextLook(place, now, dirt.length > 0),
      findings: drift,
      ...(keepBack && keptBack(drift)),
      ...(free && { state: 'checking', reason: null, mend: null, failures: 0, nextProbeAt: now }),
    });
    const words = (some: readonly Finding[]) => some.slice(0, 20).map((one) => one.words);
    await tables.audit.add({
      at: now,
      ...by(actor),
      action: drift.length > 0 ? 'machine.drift' : 'machine.verified',
      subject: machine.name,
      details: {
        ...(drift.length > 0 && { found: words(drift) }),
        ...(mended.length > 0 && { repaired: words(mended) }),
        ...(keepBack && found.state !== 'quarantined' && { before: found.state, after: 'quarantined' }),
      },
    });
    return free ? found.id : null;
  });
  if (freed === null) return;
  const [again] = await place.store.tables.machines.byIds([freed]);
  if (again) checkSoon(place, again);
}

/** Spread out, so that not all machines are looked at in the same hour. */
function nextLook(place: Workplace, now: Date, dirty: boolean): Date {
  const every = (place.verifyEveryHours ?? DEFAULT_VERIFY_HOURS) * HOUR_MS * (0.75 + Math.random() / 4);
  return new Date(now.getTime() + (dirty ? Math.min(every || AGAIN_WHEN_DIRTY_MS, AGAIN_WHEN_DIRTY_MS) : every));
}

function verificationOf({ findings, report, at }: Look, repaired: readonly Finding[]): Verification {
  return { at, findings, repaired, loginKeys: report.loginKeys };
}
