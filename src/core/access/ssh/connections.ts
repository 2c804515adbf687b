import { AccessError, type MachineAccess } from '#core/access/driver.ts';
import type { MachineNetworks } from '../networks.ts';
import { type Connection, dial } from './connection.ts';
import { dialAgain } from './dial-again.ts';
import { ConnectionDropped, SessionRefused } from './failures.ts';
import { Gate } from './gate.ts';

/** Bounds of the kept connections. */
export interface ConnectionLimits {
  /** Longest time in milliseconds from the first packet to the login. */
  readonly connectLimitMs: number;
  /** Milliseconds after its last use at which a connection is closed. */
  readonly idleMs: number;
  readonly maxConnections: number;
  /** Logins under way to one host: sshd drops more than about ten at a time. */
  readonly dialsPerHost: number;
  readonly networks: MachineNetworks;
}

/** How often a server that opens no session is asked on the same connection, before a new one is made for one more time. */
const ASKED_FOR_SESSION = 4;

interface Kept {
  readonly machine: MachineAccess;
  readonly connecting: Promise<Connection>;
  connection: Connection | null;
  users: number;
  idle: NodeJS.Timeout | undefined;
}

/** The kept connections, at most one per machine id, used by all calls to that machine side by side. */
export class Connections {
  readonly #limits: ConnectionLimits;
  /** In the order of their last use, the oldest first. */
  readonly #kept = new Map<string, Kept>();
  readonly #retired = new Set<Kept>();
  readonly #hosts = new Map<string, Gate>();
  readonly #closing = new AbortController();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /**
   * Does `work` on the machine's connection, which is made if need be. When a kept connection turns out to be dead,
   * `work` is done once more on a new one: it must be safe to repeat. When the server opens no session for it, it is
   * asked again a few times, at last on a new connection; what runs on the old one goes on undisturbed.
   * @throws what `work` throws, an AccessError, or the signal's reason.
   */
  async use<T>(machine: MachineAccess, signal: AbortSignal, work: (connection: Connection) => Promise<T>): Promise<T> {
    let refusals = 0;
    let drops = 0;
    for (;;) {
      const kept = this.#find(machine) ?? this.#open(machine);
      const wasKept = kept.connection !== null;
      kept.users += 1;
      clearTimeout(kept.idle);
      try {
        const connection = await abortable(kept.connecting, signal);
        const leave = await connection.channels.enter(signal);
        try {
          return await work(connection);
        } finally {
          leave();
        }
      } catch (error) {
        if (error instanceof SessionRefused) {
          refusals += 1;
          if (refusals < ASKED_FOR_SESSION) continue;
          this.#retire(machine.id, kept);
          if (refusals > ASKED_FOR_SESSION) throw error;
        } else if (error instanceof ConnectionDropped) {
          drops += 1;
          this.#retire(machine.id, kept);
          if (!wasKept || drops > 1) throw error;
        } else throw error;
      } finally {
        this.#leave(machine.id, kept);
      }
    }
  }

  /** Closes the connection of a machine as soon as the calls on it have ended. */
  forget(machineId: string): void {
    const kept = this.#kept.get(machineId);
    if (kept) this.#retire(machineId, kept);
  }

  /** Closes all connections at once and resolves when they are gone. Calls still under way fail. */
  async close(): Promise<void> {
    this.#closing.abort(new AccessError('unreachable', 'Berth is shutting down', 'Try again in a moment.'));
    const all = [...this.#kept.values(), ...this.#retired];
    this.#kept.clear();
    this.#retired.clear();
    await Promise.all(
      all.map(async (kept) => {
        clearTimeout(kept.idle);
        const connection = await kept.connecting.catch(() => null);
        await connection?.close();
      }),
    );
  }

  /** The kept connection, if it leads where the machine is now. */
  #find(machine: MachineAccess): Kept | undefined {
    const kept = this.#kept.get(machine.id);
    if (kept === undefined) return undefined;
    if (!leadsTo(kept, machine)) {
      this.#retire(machine.id, kept);
      return undefined;
    }
    this.#kept.delete(machine.id);
    this.#kept.set(machine.id, kept);
    return kept;
  }

  #open(machine: MachineAccess): Kept {
    this.#closing.signal.throwIfAborted();
    const kept: Kept = {
      machine,
      connecting: this.#connect(machine),
      connection: null,
      users: 0,
      idle: undefined,
    };
    this.#kept.set(machine.id, kept);
    kept.connecting.then(
      (connection) => {
        kept.connection = connection;
        void connection.closed.then(() => this.#retire(machine.id, kept));
        // The calls that wanted it may have given up by now.
        this.#leave(machine.id, kept, 0);
      },
      () => this.#retire(machine.id, kept),
    );
    this.#trim();
    return kept;
  }

  async #connect(machine: MachineAccess): Promise<Connection> {
    const gate = this.#hosts.get(machine.host) ?? new Gate(this.#limits.dialsPerHost);
    this.#hosts.set(machine.host, gate);
    const leave = await gate.enter(this.#closing.signal);
    try {
      const { signal } = this.#closing;
      const { connectLimitMs, networks } = this.#limits;
      return await dialAgain(machine, connectLimitMs, signal, (leftMs) => dial(machine, networks, leftMs, signal));
    } finally {
      leave();
      if (gate.empty) this.#hosts.delete(machine.host);
    }
  }

  /** No new call gets it; it is closed when nobody uses it any more. */
  #retire(machineId: string, kept: Kept): void {
    if (this.#kept.get(machineId) === kept) this.#kept.delete(machineId);
    this.#retired.add(kept);
    this.#leave(machineId, kept, 0);
  }

  #leave(machineId: string, kept: Kept, calls = 1): void {
    kept.users -= calls;
    if (kept.users > 0) return;
    clearTimeout(kept.idle);
    if (this.#retired.has(kept)) {
      this.#retired.delete(kept);
      void kept.connecting.then(
        (connection) => connection.close(),
        () => undefined,
      );
      return;
    }
    kept.idle = setTimeout(() => this.#retire(machineId, kept), this.#limits.idleMs).unref();
    this.#trim();
  }

  /** Closes those used longest ago when there are too many; a busy one is never cut. */
  #trim(): void {
    for (const [machineId, kept] of this.#kept) {
      if (this.#kept.size <= this.#limits.maxConnections) return;
      if (kept.users === 0 && kept.connection !== null) this.#retire(machineId, kept);
    }
  }
}

function leadsTo(kept: Kept, machine: MachineAccess): boolean {
  const was = kept.machine;
  // Before the first contact there is no pinned key; the key that was proven then is the one that gets pinned.
  const hostKey = kept.connection?.hostKey ?? was.hostKey;
  return (
    was.host === machine.host &&
    was.port === machine.port &&
    was.user === machine.user &&
    (machine.hostKey === null || machine.hostKey === hostKey) &&
    JSON.stringify(was.credential) === JSON.stringify(machine.credential)
  );
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}
