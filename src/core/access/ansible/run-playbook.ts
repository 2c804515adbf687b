import { rm } from 'node:fs/promises';
import { AccessError, type MachineAccess } from '#core/access/driver.ts';
import { accessError, printable } from '../ssh/failures.ts';
import { type AnsibleEvent, ansiblePlaybook } from './ansible-process.ts';
import type { Job, RunLimits } from './job.ts';
import { type MachineOutput, machineOutput, taskFailure } from './outcome.ts';
import { endProcesses } from './processes.ts';
import { readAnswerFile, writeRunFiles } from './run-files.ts';
import { makeScratchFolder } from './scratch-folder.ts';

/**
 * Runs a playbook once for all jobs and settles each of them. Resolves when every process of the run is gone and none of its
 * files is left; that is at once when `signal` fires, and soon after the time limit.
 */
export async function runPlaybook(
  playbook: string,
  jobs: readonly Job[],
  limits: RunLimits,
  signal: AbortSignal,
): Promise<void> {
  const open = new Map(jobs.map((job, index) => [`machine-${index}`, job]));
  const settle = (alias: string, outcome: MachineOutput | Error): void => {
    open.get(alias)?.settle(outcome);
    open.delete(alias);
  };
  const settleAll = (outcome: (machine: MachineAccess) => Error): void => {
    for (const [alias, job] of open) settle(alias, outcome(job.machine));
  };
  let folder: string | null = null;
  try {
    const place = await makeScratchFolder();
    folder = place;
    for (const [alias, refusal] of await writeRunFiles(place, open, limits)) settle(alias, refusal);
    if (open.size === 0) return;
    const reading: Promise<void>[] = [];
    const run = {
      folder: place,
      playbook,
      connectSeconds: Math.ceil(limits.connectLimitMs / 1_000),
      limitMs: limits.runLimitMs,
    };
    const { code, words } = await ansiblePlaybook(run, signal, (event) => {
      const job = open.get(event.machine);
      if (job) reading.push(outcomeOf(place, job.machine, event).then((outcome) => settle(event.machine, outcome)));
    });
    await Promise.all(reading);
    const why = withoutPasswords(printable(words, 500), jobs);
    settleAll((machine) =>
      code === null
        ? accessError('timed_out', machine, `the playbook was not done within ${limits.runLimitMs / 1000} s`)
        : playbookFailure(machine, `Ansible ended (${code}) without a result: ${why}`),
    );
  } catch (error) {
    settleAll((machine) => startFailure(machine, error as NodeJS.ErrnoException));
  } finally {
    if (folder !== null) {
      await endProcesses((one) => one === folder);
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** What an event means for its machine. */
async function outcomeOf(folder: string, machine: MachineAccess, event: AnsibleEvent): Promise<MachineOutput | Error> {
  if (event.event === 'failed') return taskFailure(machine, event.task ?? '', event.message ?? '');
  try {
    return machineOutput(machine, await readAnswerFile(folder, event.machine));
  } catch (error) {
    return error as Error;
  }
}

function startFailure(machine: MachineAccess, error: NodeJS.ErrnoException): Error {
  if (error instanceof AccessError) return error;
  if (error.code === 'ENOENT' && error.syscall?.startsWith('spawn')) {
    const mend = 'Install the packages ansible and sshpass where Berth runs.';
    return new AccessError('tool_missing', `${machine.name}: ansible-playbook is not installed where Berth runs`, mend);
  }
  return playbookFailure(machine, `no run of Ansible is possible (${printable(error.code ?? error.message, 100)})`);
}

function playbookFailure(machine: MachineAccess, words: string): AccessError {
  return new AccessError(
    'bad_answer',
    `${machine.name}: ${words}`,
    'Check the playbooks with ansible-playbook --syntax-check, and the room in the temporary folder where Berth runs.',
  );
}

/** Ansible may quote a file that it cannot read. */
function withoutPasswords(words: string, jobs: readonly Job[]): string {
  const passwords = jobs.flatMap(({ machine: { credential } }) =>
    credential.kind === 'password' && credential.password !== '' ? [credential.password] : [],
  );
  return passwords.reduce((text, password) => text.replaceAll(password, '***'), words);
}
