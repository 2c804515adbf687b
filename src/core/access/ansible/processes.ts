import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

/** The variable that every process of a run inherits. Its value is the folder of the run. */
export const MARK = 'BERTH_ANSIBLE_RUN';

/**
 * Ends every process of a run for good, by the mark in its environment: Ansible's workers and sshpass give their children
 * sessions of their own, so the process group does not hold them all. Resolves when none is left, after 5 s at the latest.
 */
export async function endProcesses(folder: string): Promise<void> {
  for (let round = 0; round < 250; round += 1) {
    const found = await marked(folder);
    if (found.length === 0) return;
    for (const pid of found) kill(pid);
    await pause(20);
  }
}

/** SIGKILL to a process, or to a whole group when the number is negative; one that is gone already is fine. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone.
  }
}

/** Numbers of the living processes of a run. Those of other users cannot be read, and are none of ours. */
async function marked(folder: string): Promise<number[]> {
  const numbers = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    numbers.map(async (number) => {
      const environment = await readFile(`/proc/${number}/environ`, 'utf8').catch(() => '');
      return environment.split('\0').includes(`${MARK}=${folder}`);
    }),
  );
  return numbers.filter((_, index) => found[index]).map(Number);
}
