import { resolve } from 'node:path';
import { type AccessDriver, AccessError, type AccessFailure, type MachineAccess } from '#core/access/driver.ts';
import { type MachineNetworks, machineNetworks } from '../networks.ts';
import { type Answer, readAnswer } from '../ssh/answer.ts';
import { accessError, hostKeyChanged, printable, unanswered } from '../ssh/failures.ts';
import { creationLines, removalLines, timeLine, verifyLines } from '../ssh/order.ts';
import { readCreation, readProbe, readRemoval, readVerification } from '../ssh/reports.ts';
import { commandFor, inputFor, type Verb } from '../ssh/scripts.ts';
import { Batches } from './batches.ts';
import { Gates } from './gates.ts';
import { HostKeys } from './host-keys.ts';
import { isInstalled } from './installed.ts';
import type { Variables } from './inventory.ts';
import type { Job } from './job.ts';
import { unfitLogin } from './login.ts';
import { HostKeyRefused, type MachineOutput } from './outcome.ts';
import { OWN_PLAYBOOKS, playbookOf } from './playbooks.ts';
import { runPlaybook } from './run-playbook.ts';
import { sweepScratchFolders } from './scratch-folder.ts';

export interface AnsibleDriverOptions {
  /** Folder with the playbooks of PLAYBOOKS. Default: those that Berth brings. */
  readonly playbooksDir?: string;
  /** Longest time for one login, in milliseconds. Default 8 s. */
  readonly connectLimitMs?: number;
  /** Longest time for Berth's script on the machine, in milliseconds. Default 20 s. */
  readonly scriptLimitMs?: number;
  /** Longest time for a run of Ansible, tasks of the team included, in milliseconds. Default 60 s. */
  readonly runLimitMs?: number;
  /** Most machines in one run. Default 50. */
  readonly machinesPerRun?: number;
  /** Where machines may be. Default: no restriction but for addresses that no machine has. */
  readonly networks?: MachineNetworks;
  /** Called once after each call, for metrics. */
  readonly onCall?: (verb: Verb, seconds: number, failure: AccessFailure | null) => void;
}

/** What the action plugin leaves of a stream, in characters; Berth's scripts print far less. */
const MOST_OUTPUT = 65_536;

/**
 * The driver that reaches machines through Ansible, for teams with tasks of their own around the hand-over; see
 * AccessDriver for what it promises. On the machine the same scripts run as with the SSH driver.
 */
export function createAnsibleDriver(options: AnsibleDriverOptions = {}): AccessDriver {
  const connectLimitMs = options.connectLimitMs ?? 8_000;
  const scriptLimitMs = options.scriptLimitMs ?? 20_000;
  const runLimitMs = options.runLimitMs ?? 60_000;
  // The look at the host key, a run that is waited for, and the run of the call; enforced below.
  const timeLimitMs = connectLimitMs + 2 * runLimitMs;
  const playbooks = resolve(options.playbooksDir ?? OWN_PLAYBOOKS);
  const closing = new AbortController();
  const hostKeys = new HostKeys(options.networks ?? machineNetworks([]), connectLimitMs);
  /** One call at a time to a machine: a removal ends logins that it cannot tell from the borrower's. */
  const turns = new Gates(1);
  const batches = new Batches<Job>(
    { windowMs: 20, patienceMs: 300, most: options.machinesPerRun ?? 50, runsAtOnce: 3 },
    (verb, jobs) =>
      runPlaybook(playbookOf(verb, playbooks), jobs, { connectLimitMs, scriptLimitMs, runLimitMs }, closing.signal),
  );
  const swept = sweepScratchFolders().catch(() => undefined);

  /** Puts the call into a run and waits for what its machine prints. */
  async function output(
    verb: Verb,
    machine: MachineAccess,
    input: string,
    variables: Variables,
    signal: AbortSignal,
  ): Promise<{ output: MachineOutput; hostKey: string }> {
    let leave = (): void => undefined;
    const abort = Promise.withResolvers<never>();
    const onAbort = (): void => {
      leave();
      abort.reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const done = Promise.withResolvers<MachineOutput>();
      // Whichever comes first counts; the other may still fail with nobody waiting for it.
      for (const promise of [abort.promise, done.promise]) promise.catch(() => undefined);
      const hostKey = await batches.onTheWay(verb, async () => {
        const found = await hostKeys.verified(machine, signal);
        const settle = (outcome: MachineOutput | Error): void =>
          outcome instanceof Error ? done.reject(outcome) : done.resolve(outcome);
        const command = commandFor(verb, machine.user);
        leave = batches.add(verb, { machine, ...found, command, input, variables, settle });
        return found.hostKey;
      });
      return { output: await Promise.race([done.promise, abort.promise]), hostKey };
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** One call: whatever happens is an AccessError or a result. */
  async function call<T>(
    verb: Verb,
    machine: MachineAccess,
    lines: () => string[],
    variables: Variables,
    read: (answer: Answer, hostKey: string, at: number) => T | null,
  ): Promise<T> {
    const started = performance.now();
    const deadline = new AbortController();
    const signal = AbortSignal.any([deadline.signal, closing.signal]);
    const timer = setTimeout(
      () => deadline.abort(accessError('timed_out', machine, `not done within ${timeLimitMs / 1000} s`)),
      timeLimitMs,
    );
    let failure: AccessFailure | null = null;
    try {
      const input = inputFor(verb, lines());
      const unfit = unfitLogin(machine);
      if (unfit !== null) throw unfit;
      if (machine.credential.kind === 'password' && !isInstalled('sshpass')) throw withoutSshpass(machine);
      await swept;
      const found = await turns.pass(`${machine.host} ${machine.port}`, signal, () =>
        output(verb, machine, input, variables, signal),
      );
      const answer = readAnswer(found.output.stdout);
      if (answer === null) throw withoutAnswer(machine, found.output);
      if (answer.failure) throw accessError(answer.failure.code, machine, printable(answer.failure.words));
      const result = read(answer, found.hostKey, found.output.at);
      if (result === null) throw accessError('bad_answer', machine, 'its answer lacks values');
      return result;
    } catch (error) {
      const known = await accessErrorOf(machine, error, signal);
      failure = known.code;
      throw known;
    } finally {
      clearTimeout(timer);
      options.onCall?.(verb, (performance.now() - started) / 1000, failure);
    }
  }

  async function accessErrorOf(machine: MachineAccess, error: unknown, signal: AbortSignal): Promise<AccessError> {
    if (error instanceof AccessError) return error;
    if (error instanceof HostKeyRefused) {
      // The key changed between our look and the login, or its holder does not own it.
      try {
        return hostKeyChanged(machine, (await hostKeys.verified(machine, signal)).hostKey);
      } catch (changed) {
        if (changed instanceof AccessError) return changed;
      }
    }
    return accessError('unreachable', machine, printable(String(error)));
  }

  return {
    timeLimitMs,
    // Nothing is kept between runs.
    forget: () => undefined,
    async close() {
      closing.abort(new AccessError('unreachable', 'Berth is shutting down', 'Try again in a moment.'));
      await batches.ended();
    },
    probe: (machine) => call('probe', machine, () => [timeLine(Date.now())], {}, readProbe),
    createAccount: (machine, order) =>
      call('create', machine, () => creationLines(order, Date.now()), orderVariables(order), readCreation),
    removeAccount: (machine, order) =>
      call('remove', machine, () => removalLines(order, Date.now()), orderVariables(order), readRemoval),
    verify: (machine, order) => call('verify', machine, () => verifyLines(order), {}, readVerification),
  };
}

function orderVariables(order: { allocationId: string; generation: number; accountName: string }): Variables {
  return {
    berth_account: order.accountName,
    berth_allocation: order.allocationId,
    berth_generation: order.generation,
  };
}

function withoutAnswer(machine: MachineAccess, { stdout, stderr }: MachineOutput): Error {
  const endless = stdout.length >= MOST_OUTPUT || stderr.length >= MOST_OUTPUT;
  return endless ? accessError('bad_answer', machine, 'it prints without end') : unanswered(machine, stderr);
}

function withoutSshpass(machine: MachineAccess): AccessError {
  return new AccessError(
    'tool_missing',
    `${machine.name}: sshpass is not installed where Berth runs, and Ansible needs it for passwords`,
    'Install the package sshpass where Berth runs, or register the machine with a private key.',
  );
}
