import {
  type AccessDriver,
  AccessError,
  type AccessFailure,
  type CreatedAccount,
  type MachineAccess,
  type ProbeReport,
  type RemovalReport,
  type ShellAccess,
} from '#core/access/driver.ts';
import { type Answer, wholeNumber } from './answer.ts';
import { Connections } from './connections.ts';
import { accessError, printable } from './failures.ts';
import { creationLines, removalLines, timeLine } from './order.ts';
import { commandFor, inputFor, type Verb } from './scripts.ts';
import { openShell } from './shell.ts';

export interface SshDriverOptions {
  /** Longest time for one login, in milliseconds. Default 8 s. */
  readonly connectLimitMs?: number;
  /** Longest time for one script on the machine, in milliseconds. Default 20 s. */
  readonly scriptLimitMs?: number;
  /** A connection that nobody used for so long is closed, in milliseconds. Default 10 min. */
  readonly idleMs?: number;
  /** Connections kept at most; those used longest ago go first. Default 1200. */
  readonly maxConnections?: number;
  /** Logins under way at a time to one host. Default 8. */
  readonly dialsPerHost?: number;
  /** Called once after each call, for metrics. */
  readonly onCall?: (verb: Verb, seconds: number, failure: AccessFailure | null) => void;
}

const MOST_UID = 0xffff_fffe;
const OUTCOMES = ['removed', 'absent', 'foreign'] as const;

/** The driver that reaches machines over SSH. Keeps one connection per machine; see AccessDriver for what it promises. */
export function createSshDriver(options: SshDriverOptions = {}): AccessDriver & ShellAccess {
  const connectLimitMs = options.connectLimitMs ?? 8_000;
  const scriptLimitMs = options.scriptLimitMs ?? 20_000;
  // Room for a dead kept connection, the new login after it and the script; enforced below, queues included.
  const timeLimitMs = 2 * connectLimitMs + scriptLimitMs;
  const connections = new Connections({
    connectLimitMs,
    idleMs: options.idleMs ?? 600_000,
    maxConnections: options.maxConnections ?? 1_200,
    dialsPerHost: options.dialsPerHost ?? 8,
  });

  /** One call: the order goes out, the answer is read by `read`, and whatever happens is an AccessError or a result. */
  async function call<T>(
    verb: Verb,
    machine: MachineAccess,
    lines: () => string[],
    read: (answer: Answer, hostKey: string) => T | null,
  ): Promise<T> {
    const started = performance.now();
    const deadline = new AbortController();
    const timer = setTimeout(
      () => deadline.abort(accessError('timed_out', machine, `not done within ${timeLimitMs / 1000} s`)),
      timeLimitMs,
    );
    let failure: AccessFailure | null = null;
    try {
      const input = inputFor(verb, lines());
      const command = commandFor(verb, machine.user);
      return await connections.use(machine, deadline.signal, async (connection) => {
        const answer = await connection.run(command, input, scriptLimitMs, deadline.signal);
        if (answer.failure) throw accessError(answer.failure.code, machine, printable(answer.failure.words));
        const result = read(answer, connection.hostKey);
        if (result === null) throw accessError('bad_answer', machine, 'its answer lacks values');
        return result;
      });
    } catch (error) {
      const known =
        error instanceof AccessError ? error : accessError('unreachable', machine, printable(String(error)));
      failure = known.code;
      throw known;
    } finally {
      clearTimeout(timer);
      options.onCall?.(verb, (performance.now() - started) / 1000, failure);
    }
  }

  return {
    timeLimitMs,
    forget: (machineId) => connections.forget(machineId),
    close: () => connections.close(),
    probe: (machine) => call('probe', machine, () => [timeLine(Date.now())], readProbe),
    createAccount: (machine, order) => call('create', machine, () => creationLines(order, Date.now()), readCreation),
    openShell: (machine, order, listener) => openShell(connections, machine, order, listener, timeLimitMs),
    removeAccount: (machine, order) => call('remove', machine, () => removalLines(order, Date.now()), readRemoval),
  };
}

// Each reader gives null for an answer that lacks a value or holds one that cannot be true.

function readProbe(answer: Answer, hostKey: string): ProbeReport | null {
  const time = wholeNumber(answer, 'time', Number.MAX_SAFE_INTEGER);
  const freeDiskMegabytes = wholeNumber(answer, 'disk_mb', Number.MAX_SAFE_INTEGER);
  const load = Number.parseFloat(answer.values.get('load') ?? '');
  if (time === null || freeDiskMegabytes === null || !Number.isFinite(load)) return null;
  return {
    hostKey,
    operatingSystem: printable(answer.values.get('os') ?? '', 100),
    // The machine tells whole seconds: on average half a second has passed since.
    clockSkewSeconds: Math.round(time + 0.5 - Date.now() / 1000),
    freeDiskMegabytes,
    load,
  };
}

function readCreation(answer: Answer, hostKey: string): CreatedAccount | null {
  const uid = wholeNumber(answer, 'uid', MOST_UID);
  return uid === null || uid < 1_000 ? null : { uid, hostKey };
}

function readRemoval(answer: Answer): RemovalReport | null {
  const outcome = OUTCOMES.find((known) => known === answer.values.get('outcome'));
  const uid = wholeNumber(answer, 'uid', MOST_UID);
  const processesEnded = wholeNumber(answer, 'processes', Number.MAX_SAFE_INTEGER);
  const filesRemoved = wholeNumber(answer, 'files', Number.MAX_SAFE_INTEGER);
  if (outcome === undefined || uid === null || processesEnded === null || filesRemoved === null) return null;
  return { outcome, uid: uid === 0 ? null : uid, processesEnded, filesRemoved };
}
