import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerChannel } from 'ssh2';
import type { MachineMemory } from './machine.ts';
import { type Order, readOrder, type Verb } from './order.ts';

const LONGEST_ORDER = 1024 * 1024;

/**
 * Plays one script on an accepted channel, with the faults of the machine. Like a real script it is carried out to
 * its end once its order is complete, whether or not the caller is still there. `drop` resets the connection;
 * `stopping` ends what is under way when the simulation closes.
 */
export async function runScript(
  channel: ServerChannel,
  machine: MachineMemory,
  verb: Verb,
  drop: () => void,
  stopping: AbortSignal,
): Promise<void> {
  const { faults } = machine;
  if (faults.refuse) return drop();
  if (faults.hang) return void channel.resume();
  if (faults.endlessOutput) return printForever(channel);
  const order = await orderFrom(channel).catch(() => null);
  if (!order) return finish(channel, '');
  if (faults.slowMs > 0) await pause(faults.slowMs, undefined, { signal: stopping }).catch(() => undefined);
  if (stopping.aborted) return;
  if (faults.dropInScript === 'before') return drop();
  const text = machine
    .carryOut(verb, order)
    .map((line) => `${line}\n`)
    .join('');
  if (faults.dropInScript === 'after') return drop();
  finish(channel, text);
}

/** The order on standard input, or null if the input ends or grows too long before it is complete. */
async function orderFrom(channel: ServerChannel): Promise<Order | null> {
  let text = '';
  channel.setEncoding('utf8');
  for await (const part of channel.iterator({ destroyOnReturn: false })) {
    text += part;
    if (text.length > LONGEST_ORDER) return null;
    const order = text.includes('end\n') ? readOrder(text) : null;
    if (order) return order;
  }
  return null;
}

function finish(channel: ServerChannel, text: string): void {
  if (!channel.writable) return;
  channel.write(text);
  channel.exit(0);
  channel.end();
  channel.resume();
}

async function printForever(channel: ServerChannel): Promise<void> {
  channel.resume();
  const closed = new AbortController();
  channel.once('close', () => closed.abort());
  const line = `${'nothing here is real '.repeat(50)}\n`;
  while (channel.writable) {
    if (channel.write(line)) continue;
    await once(channel, 'drain', { signal: closed.signal }).catch(() => channel.destroy());
  }
}
