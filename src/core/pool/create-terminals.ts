import {
  AccessError,
  type Shell,
  type ShellAccess,
  type ShellListener,
  type TerminalSize,
} from '#core/access/driver.ts';
import { reachable } from '#core/access/reachable.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { Machine } from '#core/store/machines.ts';
import type { Reservation } from '#core/store/reservations.ts';
import { noteFailure } from './check-health.ts';
import { type EndOfShell, LiveShell, type ShellOwner } from './live-shell.ts';
import { issueTicket, reservationOver, ticketDigest } from './terminal-tickets.ts';
import type { Terminals } from './terminals.ts';
import type { Workplace } from './workplace.ts';

export interface TerminalOptions {
  readonly enabled: boolean;
  readonly shells: ShellAccess;
  /** Whether what somebody was signed in by is still good. */
  readonly stillSignedIn: (proof: Omit<ShellOwner, 'allocationId'>) => Promise<boolean>;
}

/** Shells of one process at most. */
const MOST = 200;
/** Of one user: nobody has all of them alone. */
const MOST_OF_USER = 50;
/** Of one machine; those that nobody looks at make room. */
const MOST_OF_MACHINE = 4;
/** How soon a shell ends when another process ends its reservation. */
const LOOK_EVERY_MS = 500;
/** So many looks later it ends with the sign-in that it was opened by. */
const LOOKS_PER_SIGN_IN = 4;

/** Terminals of one process. */
export function createTerminals(place: Workplace, { enabled, shells, stillSignedIn }: TerminalOptions): Terminals {
  const live = new Map<string, LiveShell>();
  const { tables } = place.store;
  let watch: NodeJS.Timeout | undefined;
  let looks = 0;
  let closing = false;

  const active = async (allocationId: string): Promise<boolean> =>
    (await tables.allocations.activeAmong([allocationId])).has(allocationId);

  /** Follows what other processes do. State is looked at, not news: so nothing can be missed. */
  const look = async (): Promise<void> => {
    const shellsNow = [...live.values()];
    const stillActive = await tables.allocations.activeAmong(shellsNow.map((one) => one.owner.allocationId));
    looks += 1;
    const askWho = looks % LOOKS_PER_SIGN_IN === 0;
    await Promise.all(
      shellsNow.map(async (shell) => {
        if (!stillActive.has(shell.owner.allocationId)) shell.end('ended');
        else if (askWho && !(await stillSignedIn(shell.owner))) shell.end('signed_out');
      }),
    );
  };
  const watchAll = (): void => {
    if (watch !== undefined || live.size === 0) return;
    watch = setTimeout(() => {
      // While the database is away nothing is known; the next look is soon.
      look()
        .catch(() => undefined)
        .finally(() => {
          watch = undefined;
          watchAll();
        });
    }, LOOK_EVERY_MS).unref();
  };

  const makeRoom = ({ allocationId, userId }: ShellOwner): void => {
    const same = [...live.values()].filter((one) => one.owner.allocationId === allocationId);
    if (same.length >= MOST_OF_MACHINE) same.find((one) => !one.watched)?.end('left');
    const left = [...live.values()].filter((one) => one.owner.allocationId === allocationId).length;
    if (left >= MOST_OF_MACHINE) {
      throw new Refusal('too_many_requests', `${MOST_OF_MACHINE} terminals are open on this machine; close one first`);
    }
    if ([...live.values()].filter((one) => one.owner.userId === userId).length >= MOST_OF_USER) {
      throw new Refusal('too_many_requests', `${MOST_OF_USER} terminals of yours are open; close one first`);
    }
    if (live.size >= MOST) throw new Refusal('too_many_requests', 'too many terminals are open; try again later');
  };

  /** The shell has ended by itself: of its own accord, or because the account is being removed, or the line is down. */
  const explain = async (shell: LiveShell, exited: boolean): Promise<void> => {
    const why = exited ? 'exit' : 'lost';
    const isActive = await active(shell.owner.allocationId).catch(() => true);
    shell.end(isActive ? why : 'ended');
  };

  const start = async (owner: ShellOwner, size: TerminalSize, address: string | undefined): Promise<LiveShell> => {
    makeRoom(owner);
    let noteEnd = (_: EndOfShell): void => undefined;
    const shell = new LiveShell(
      owner,
      (exited) => void explain(shell, exited),
      (reason) => {
        live.delete(shell.id);
        noteEnd(reason);
      },
    );
    // From here on an end of the reservation ends it, however far it has come.
    live.set(shell.id, shell);
    watchAll();
    try {
      const { reservation, machine } = await placeOf(place, owner);
      shell.started(await openOn(place, shells, machine, reservation, owner, size, shell));
      // It may have ended while the shell was opened, and another one may hold an account of that name by now.
      if (!shell.over && !(await active(owner.allocationId))) shell.end('ended');
      if (shell.over) throw closing ? stopping() : reservationOver();
      const note = (action: string, details: object): Promise<void> =>
        tables.audit.add({
          at: place.clock(),
          actor: reservation.holder,
          action,
          subject: reservation.id,
          details: { machine: machine.name, account: reservation.accountName, shell: shell.id, ...details },
          origin: address === undefined ? null : { address, sessionId: owner.sessionId, apiToken: null },
        });
      await note('terminal.opened', {});
      noteEnd = (reason) =>
        place.background.track(
          note('terminal.closed', { reason }).catch((error: unknown) =>
            place.log.error({ err: error, reservation: reservation.id }, 'the end of a terminal was not noted'),
          ),
        );
      if (shell.over) {
        noteEnd('ended');
        throw reservationOver();
      }
      return shell;
    } catch (error) {
      shell.end('lost');
      throw error;
    }
  };

  const endOf = (allocationId: string): void => {
    for (const shell of live.values()) if (shell.owner.allocationId === allocationId) shell.end('ended');
  };

  return {
    enabled,
    endOf,
    async issueTicket(caller, reservationId, machine, now) {
      if (!enabled) throw switchedOff();
      return await issueTicket(place.store, caller, reservationId, machine, now);
    },
    async open({ ticket, size, resume, address }, viewer, now) {
      if (!enabled) throw switchedOff();
      if (closing) throw stopping();
      const owner = await tables.terminalTickets.take(ticketDigest(ticket), now);
      if (!owner || !(await stillSignedIn(owner))) {
        throw new Refusal('invalid_grant', 'the ticket is not good any more; ask for another one');
      }
      const known = resume === null ? undefined : live.get(resume);
      if (known && known.owner.userId === owner.userId && known.owner.allocationId === owner.allocationId) {
        known.resize(size);
        return known.attach(viewer, owner, true);
      }
      const shell = await start(owner, size, address);
      return shell.attach(viewer, owner, false);
    },
    async close() {
      closing = true;
      clearTimeout(watch);
      for (const shell of live.values()) shell.end('stopping');
    },
  };
}

/** Where the account of an active allocation is. @throws Refusal `reservation_over`. */
async function placeOf(
  place: Workplace,
  { allocationId, userId }: ShellOwner,
): Promise<{ reservation: Reservation; machine: Machine }> {
  const { tables } = place.store;
  const allocation = await tables.allocations.byId(allocationId);
  if (allocation?.state !== 'active') throw reservationOver();
  const [reservation, [machine]] = await Promise.all([
    tables.reservations.byId(allocation.reservationId),
    tables.machines.byIds([allocation.machineId]),
  ]);
  if (!reservation || !machine || reservation.userId !== userId) throw reservationOver();
  return { reservation, machine };
}

/** @throws Refusal, with the words of the AccessError. */
async function openOn(
  place: Workplace,
  shells: ShellAccess,
  machine: Machine,
  { accountName }: Reservation,
  { allocationId }: ShellOwner,
  size: TerminalSize,
  listener: ShellListener,
): Promise<Shell> {
  try {
    return await shells.openShell(reachable(machine), { allocationId, accountName, size }, listener);
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    if (error.code === 'host_key_changed') await noteFailure(place, machine, error, place.clock());
    throw new Refusal(error.code === 'busy' ? 'too_many_requests' : 'unavailable', `${error.message}. ${error.mend}`);
  }
}

function switchedOff(): Refusal {
  return new Refusal('forbidden', 'terminals in the browser are switched off here (WEB_TERMINAL)');
}

function stopping(): Refusal {
  return new Refusal('unavailable', 'the server is closing; ask again');
}
