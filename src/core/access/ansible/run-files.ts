import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inventoryText, type Variables } from './inventory.ts';
import type { Job, RunLimits } from './job.ts';
import { loginOf } from './login.ts';

/**
 * Writes what a run needs into its folder, for nobody else to read (mode 0600): inventory, known_hosts, and per machine its
 * private key and the input of its script. Answers the jobs that cannot be run, with the reason.
 */
export async function writeRunFiles(
  folder: string,
  jobs: ReadonlyMap<string, Job>,
  limits: RunLimits,
): Promise<Map<string, Error>> {
  const refused = new Map<string, Error>();
  const machines = new Map<string, Variables>();
  const write = (name: string, text: string) => writeFile(join(folder, name), text, { mode: 0o600, flag: 'wx' });
  let knownHosts = '';
  for (const [alias, job] of jobs) {
    try {
      const login = loginOf(alias, job.machine, job.address, job.hostKey);
      knownHosts += login.knownHost;
      if (login.keyFile !== null) await write(`${alias}.key`, login.keyFile);
      await write(`${alias}.input`, job.input);
      machines.set(alias, {
        ...login.variables,
        ansible_python_interpreter: 'auto_silent',
        ...job.variables,
        berth_machine: job.machine.name,
        berth_command: job.command,
        berth_input_file: join(folder, `${alias}.input`),
        berth_answer_file: answerFile(folder, alias),
        berth_script_seconds: Math.ceil((limits.connectLimitMs + limits.scriptLimitMs) / 1_000),
      });
    } catch (error) {
      refused.set(alias, error as Error);
    }
  }
  // Empty: every setting is in the environment.
  await write('ansible.cfg', '');
  await write('known_hosts', knownHosts);
  await write('inventory.yml', inventoryText(machines));
  return refused;
}

/** What the action plugin left about a machine, or null. */
export function readAnswerFile(folder: string, alias: string): Promise<string | null> {
  return readFile(answerFile(folder, alias), 'utf8').catch(() => null);
}

function answerFile(folder: string, alias: string): string {
  return join(folder, `${alias}.answer`);
}
