import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type Actor, by, isAdmin } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import { DuplicateKey } from '#core/store/failures.ts';
import type { Machine } from '#core/store/machines.ts';
import { checkSoon } from './check-health.ts';
import { checkedHostKey, hostKeyFingerprint } from './host-key.ts';
import type { MachineChanges, MachineToRegister, MachineView, Pool } from './pool.ts';
import { machineView } from './views.ts';
import type { Workplace } from './workplace.ts';

const FIRST_LOOK_WITHIN_MS = 3_600_000;

/** See Pool.registerMachine. */
export async function registerMachine(
  place: Workplace,
  actor: Actor,
  given: MachineToRegister,
  now: Date,
): Promise<MachineView> {
  adminsOnly(actor);
  reachableOnly(place, given.host);
  const machine: Machine = {
    id: randomUUID(),
    name: given.name,
    host: given.host.toLowerCase(),
    port: given.port,
    user: given.user,
    credential: given.credential,
    labels: [...new Set(given.labels ?? [])].sort(),
    state: 'checking',
    reason: null,
    mend: null,
    hostKey: given.hostKey === undefined ? null : checkedHostKey(given.hostKey),
    offeredHostKey: null,
    operatingSystem: null,
    failures: 0,
    generation: 0,
    probedAt: null,
    nextProbeAt: now,
    verifiedAt: null,
    // Not all at once when many are registered.
    nextVerifyAt: new Date(now.getTime() + Math.random() * FIRST_LOOK_WITHIN_MS),
    findings: [],
    createdAt: now,
  };
  await naming(machine, () =>
    place.store.transaction(async (tables) => {
      await tables.machines.insert(machine);
      await tables.audit.add({
        at: now,
        ...by(actor),
        action: 'machine.registered',
        subject: machine.name,
        details: { host: machine.host, port: machine.port, user: machine.user, labels: machine.labels },
      });
    }),
  );
  checkSoon(place, machine);
  return machineView({ ...machine, held: null });
}

/** See Pool.updateMachine. */
export async function updateMachine(
  place: Workplace,
  actor: Actor,
  name: string,
  wanted: MachineChanges,
  now: Date,
): ReturnType<Pool['updateMachine']> {
  adminsOnly(actor);
  if (Object.values(wanted).every((value) => value === undefined)) {
    throw new Refusal('invalid_request', 'body: name at least one thing to change');
  }
  if (wanted.host !== undefined) reachableOnly(place, wanted.host);
  const { machine, changed } = await naming({ name, host: wanted.host, port: wanted.port }, () =>
    place.store.transaction(async (tables) => {
      const found = await tables.machines.lockByName(name);
      if (!found) throw noSuchMachine(name);
      const changes = notSoAlready(found, wanted);
      const changed = Object.keys(changes) as (keyof MachineChanges)[];
      const host = changes.host ?? found.host;
      const moved = host !== found.host || (changes.port ?? found.port) !== found.port;
      if (moved && (await tables.allocations.openOnMachine(found.id))) {
        throw new Refusal(
          'still_in_use',
          'host: the machine is reserved or not clean yet, and its account can only be removed where it was made; wait until it is free',
        );
      }
      const update = { ...plainChanges(found, changes, host, moved), ...stateChange(found, changes, moved, now) };
      if (Object.keys(update).length === 0) return { machine: found, changed };
      await tables.machines.update(found.id, update);
      await tables.allocations.retryCleaningOn(found.id, now);
      const { credential, ...shown } = update;
      const before = Object.fromEntries(Object.keys(shown).map((key) => [key, found[key as keyof Machine]]));
      await tables.audit.add({
        at: now,
        ...by(actor),
        action: 'machine.updated',
        subject: name,
        details: { before, after: shown, credentialChanged: credential !== undefined },
      });
      return { machine: (await tables.machines.byName(name)) as Machine, changed };
    }),
  );
  if (changed.length > 0) place.driver.forget(machine.id);
  if (machine.state === 'checking') checkSoon(place, machine);
  return { ...(await getMachine(place, name)), changed };
}

/** Registering the same machines again must not disturb those that are at work. */
function notSoAlready(found: Machine, wanted: MachineChanges): MachineChanges {
  const wantedAs: MachineChanges = {
    ...wanted,
    ...(wanted.host !== undefined && { host: wanted.host.toLowerCase() }),
    ...(wanted.labels !== undefined && { labels: [...new Set(wanted.labels)].sort() }),
  };
  const { credential, ...rest } = found;
  const is: MachineChanges = { ...rest, ...(credential && { credential }), disabled: found.state === 'disabled' };
  const entries = Object.entries(wantedAs) as [keyof MachineChanges, unknown][];
  return Object.fromEntries(
    entries.filter(([key, value]) => value !== undefined && !isDeepStrictEqual(value, is[key])),
  );
}

function plainChanges(found: Machine, changes: MachineChanges, host: string, moved: boolean): Partial<Machine> {
  return {
    ...(changes.host !== undefined && { host }),
    ...(changes.port !== undefined && { port: changes.port }),
    ...(changes.user !== undefined && { user: changes.user }),
    ...(changes.labels !== undefined && { labels: changes.labels }),
    ...(changes.credential !== undefined && { credential: changes.credential }),
    // Another address is another machine: the key that was pinned says nothing about it.
    ...(moved && { hostKey: null, offeredHostKey: null, verifiedAt: null, findings: [] }),
    ...(changes.acceptHostKey !== undefined && acceptedKey(found, changes.acceptHostKey)),
  };
}

function stateChange(found: Machine, changes: MachineChanges, moved: boolean, now: Date): Partial<Machine> {
  if (changes.disabled === true)
    return { state: 'disabled', reason: 'disabled by an admin', mend: 'Enable it to lend it again.' };
  const stays = found.state === 'disabled' && changes.disabled !== false;
  const anew =
    moved ||
    changes.credential !== undefined ||
    changes.user !== undefined ||
    changes.acceptHostKey !== undefined ||
    (changes.disabled === false && found.state === 'disabled');
  // A quarantined machine stays so until its key is accepted, or it is another machine.
  const quarantined = found.state === 'quarantined' && !moved && changes.acceptHostKey === undefined;
  if (stays || quarantined || !anew) return {};
  return { state: 'checking', reason: null, mend: null, failures: 0, nextProbeAt: now };
}

function acceptedKey(found: Machine, fingerprint: string): Partial<Machine> {
  if (found.offeredHostKey === null || hostKeyFingerprint(found.offeredHostKey) !== fingerprint) {
    throw new Refusal(
      'conflict',
      found.offeredHostKey === null
        ? 'accept_host_key: the machine has not offered another host key'
        : `accept_host_key: the machine offered ${hostKeyFingerprint(found.offeredHostKey)}; check that on the machine and name it here`,
    );
  }
  return { hostKey: found.offeredHostKey, offeredHostKey: null };
}

/** See Pool.deleteMachine. */
export async function deleteMachine(place: Workplace, actor: Actor, name: string, now: Date): Promise<void> {
  adminsOnly(actor);
  const id = await place.store.transaction(async (tables) => {
    const found = await tables.machines.lockByName(name);
    if (!found) throw noSuchMachine(name);
    const open = await tables.allocations.openOnMachine(found.id);
    if (open) {
      throw new Refusal(
        'still_in_use',
        open.state === 'cleaning'
          ? `${name}: it is not clean yet${open.problem ? ` (${open.problem})` : ''}; it can be deleted once it is`
          : `${name}: it is reserved; release it first, or disable it so that it is not lent again`,
        { reservation_id: open.reservationId },
      );
    }
    await tables.machines.remove(found.id);
    await tables.audit.add({
      at: now,
      ...by(actor),
      action: 'machine.deleted',
      subject: name,
      details: { before: { host: found.host, port: found.port, user: found.user, labels: found.labels } },
    });
    return found.id;
  });
  place.driver.forget(id);
}

/** See Pool.getMachine. */
export async function getMachine(place: Workplace, name: string): Promise<MachineView> {
  const found = await place.store.tables.machines.byNameWithHolder(name);
  if (!found) throw noSuchMachine(name);
  return machineView(found);
}

async function naming<T>(machine: { name: string; host?: string; port?: number }, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DuplicateKey)) throw error;
    const address = /address|host/.test(error.constraint);
    throw new Refusal(
      'conflict',
      address
        ? `host: another machine is registered at this host and port${machine.host ? ` (${machine.host}:${machine.port ?? ''})` : ''}`
        : `name: a machine named "${machine.name}" exists`,
    );
  }
}

function adminsOnly(actor: Actor): void {
  if (!isAdmin(actor)) throw new Refusal('forbidden', 'only an admin can change machines');
}

/** A courtesy: what counts is the address that is really connected to, and that is looked at there each time. */
function reachableOnly(place: Workplace, host: string): void {
  const words = place.hostRefusal?.(host) ?? null;
  if (words !== null) throw new Refusal('invalid_request', `host: ${words}`);
}

function noSuchMachine(name: string): Refusal {
  return new Refusal('not_found', `machine: there is no machine named "${name}"`);
}
