import {
  type AccessDriver,
  AccessError,
  type AccessFailure,
  type MachineAccess,
  type ShellAccess,
} from '#core/access/driver.ts';
import { type MachineNetworks, machineNetworks } from '../networks.ts';
import type { Answer } from './answer.ts';
import { Connections } from './connections.ts';
import { accessError, printable } from './failures.ts';
import { creationLines, removalLines, timeLine, verifyLines } from './order.ts';
import { readCreation, readProbe, readRemoval, readVerification } from './reports.ts';
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
  /** Where machines may be. Default: no restriction but for addresses that no machine has. */
  readonly networks?: MachineNetworks;
  /** Called once after each call, for metrics. */
  readonly onCall?: (verb: Verb, seconds: number, failure: AccessFailure | null) => void;
}

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
    networks: options.networks ?? machineNetworks([]),
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
    probe: (machine) =>
      call(
        'probe',
        machine,
        () => [timeLine(Date.now())],
        (answer, hostKey) => readProbe(answer, hostKey, Date.now()),
      ),
    createAccount: (machine, order) => call('create', machine, () => creationLines(order, Date.now()), readCreation),
    openShell: (machine, order, listener) => openShell(connections, machine, order, listener, timeLimitMs),
    removeAccount: (machine, order) => call('remove', machine, () => removalLines(order, Date.now()), readRemoval),
    verify: (machine, order) => call('verify', machine, () => verifyLines(order), readVerification),
  };
}
