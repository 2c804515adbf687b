import { AccessError, type MachineAccess } from '#core/access/driver.ts';
import { accessError, printable } from '../ssh/failures.ts';

/** What a machine printed when it ran Berth's script. */
export interface MachineOutput {
  readonly stdout: string;
  readonly stderr: string;
  /** When it came, in epoch milliseconds. */
  readonly at: number;
}

/** The SSH program met another host key than the one it was told. */
export class HostKeyRefused extends Error {}

/**
 * What the action plugin left about a machine, null for nothing.
 * @throws AccessError for what kept it from an answer; HostKeyRefused.
 */
export function machineOutput(machine: MachineAccess, left: string | null): MachineOutput {
  const found = parsed(left);
  const { stdout, stderr, at, lost, stopped } = found;
  if (typeof stdout === 'string' && typeof stderr === 'string' && typeof at === 'number') {
    return { stdout, stderr, at: at * 1000 };
  }
  if (typeof lost === 'string') throw loginFailure(machine, lost);
  if (typeof stopped === 'string' && /timeout/i.test(stopped)) {
    throw accessError('timed_out', machine, 'no answer in time');
  }
  throw accessError('bad_answer', machine, `Ansible did not run the script (${printable(String(stopped), 60)})`);
}

/** A task of the playbook other than ours failed. */
export function taskFailure(machine: MachineAccess, task: string, message: string): AccessError {
  return new AccessError(
    'bad_answer',
    `${machine.name}: the task "${printable(task, 80)}" of the playbook failed (${printable(message)})`,
    'Mend this task in the playbooks or what it needs on the machine; it is tried again by itself.',
  );
}

/** What the words of the SSH program mean. */
function loginFailure(machine: MachineAccess, words: string): Error {
  if (/host key verification failed|host identification has changed/i.test(words)) return new HostKeyRefused(words);
  if (/permission denied|incorrect password|too many authentication failures/i.test(words)) {
    return accessError('login_refused', machine, `the SSH server refuses the login of ${printable(machine.user, 32)}`);
  }
  if (/timed out|timeout/i.test(words))
    return accessError('timed_out', machine, 'the SSH server did not answer in time');
  const said = printable(words, 120);
  return accessError('unreachable', machine, `the connection was lost in the middle of a call${said && ` (${said})`}`);
}

function parsed(left: string | null): Record<string, unknown> {
  try {
    return (JSON.parse(left ?? '{}') ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}
