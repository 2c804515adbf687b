import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

/** The variable that every process of a run inherits. Its value is the folder of the run. */
export const MARK = 'BERTH_ANSIBLE_RUN';

/**
 * Ends every process of the runs whose folder is one of `ofThose`, for good, by the mark in its environment: Ansible's workers
 * and sshpass give their children sessions of their own, so the process group does not hold them all. Resolves when none is
 * left, after some seconds at the latest.
 */
export async function endProcesses(ofThose: (folder: string) => boolean): Promise<void> {
  for (let round = 0; round < 250; round += 1) {
    const found = await marked(ofThose);
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

/**
 * Numbers of the living processes of runs. Those of other users cannot be read, and those in containers on this host bear
 * numbers of another world: both are none of ours.
 */
async function marked(ofThose: (folder: string) => boolean): Promise<number[]> {
  const world = (number: string) => readlink(`/proc/${number}/ns/pid`).catch(() => '');
  const ours = await world('self');
  const isOne = async (number: string): Promise<boolean> => {
    const environment = await readFile(`/proc/${number}/environ`, 'utf8').catch(() => '');
    const mark = environment.split('\0').find((variable) => variable.startsWith(`${MARK}=`));
    return mark !== undefined && ofThose(mark.slice(MARK.length + 1)) && (await world(number)) === ours;
  };
  const numbers = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(numbers.map(isOne));
  return numbers.filter((_, index) => found[index]).map(Number);
}
