import { createHash } from 'node:crypto';
import type { CallFailure, Client } from '#contract/client.ts';
import { explain } from './exit.ts';
import type { MachineEntry } from './machines-file.ts';

export interface Registered {
  readonly name: string;
  readonly outcome: 'registered' | 'updated' | 'unchanged' | 'failed';
  /** Where it is, what was changed, or why it failed. */
  readonly detail: string;
}

const AT_ONCE = 8;

/**
 * Makes the server know all machines as the file has them; may be repeated. One that fails does not keep the others from
 * being registered. `hear` is called as each is done; the answer is in the order of the file.
 */
export async function registerMachines(
  client: Client,
  machines: readonly MachineEntry[],
  hear: (done: Registered, soFar: number) => void,
): Promise<Registered[]> {
  const results: Registered[] = [];
  let next = 0;
  let soFar = 0;
  const worker = async (): Promise<void> => {
    while (next < machines.length) {
      const index = next++;
      const machine = machines[index] as MachineEntry;
      const done = await registerOne(client, machine).catch(
        (error: unknown): Registered => ({
          name: machine.name,
          outcome: 'failed',
          detail: explain(error).message,
        }),
      );
      results[index] = done;
      hear(done, ++soFar);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, machines.length) }, worker));
  return results;
}

async function registerOne(client: Client, machine: MachineEntry): Promise<Registered> {
  const { name, host_key: hostKey, ...rest } = machine;
  try {
    await client.call('registerMachine', { body: machine });
    return { name, outcome: 'registered', detail: `${machine.host}:${machine.port}` };
  } catch (error) {
    if ((error as CallFailure).error !== 'conflict' || !(await exists(client, name))) throw error;
  }
  // Only the server knows the credential that it has; it says what was not so already.
  const { changed, host_key_fingerprint: pinned } = await client.call('updateMachine', {
    params: { name },
    body: rest,
  });
  if (hostKey !== undefined && pinned !== null && pinned !== fingerprint(hostKey)) {
    const detail = `host_key: the server has pinned ${pinned}, the file says ${fingerprint(hostKey)}`;
    return { name, outcome: 'failed', detail };
  }
  if (changed.length === 0) return { name, outcome: 'unchanged', detail: `${machine.host}:${machine.port}` };
  return { name, outcome: 'updated', detail: changed.join(', ') };
}

/** A conflict may also be about another machine at the same host and port. */
async function exists(client: Client, name: string): Promise<boolean> {
  return await client.call('getMachine', { params: { name } }).then(
    () => true,
    (error: CallFailure) => {
      if (error.error === 'not_found') return false;
      throw error;
    },
  );
}

/** As `ssh-keygen -l` prints it. */
function fingerprint(hostKey: string): string {
  const blob = Buffer.from(hostKey.trim().split(/\s+/)[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
