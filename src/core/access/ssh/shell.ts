import { readFileSync } from 'node:fs';
import type { ClientChannel } from 'ssh2';
import {
  AccessError,
  type MachineAccess,
  type Shell,
  type ShellListener,
  type ShellOrder,
} from '#core/access/driver.ts';
import { ACCOUNT_NAME } from '#core/domain/account-name.ts';
import type { Connections } from './connections.ts';
import { accessError, printable } from './failures.ts';

const ALLOCATION = /^[A-Za-z0-9_-]{1,64}$/;
const HANG_UP_LIMIT_MS = 100;
const SCRIPT = readFileSync(new URL('scripts/open-shell.sh', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => !/^\s*#(?! berth)/.test(line))
  .join('\n');

/**
 * The command that becomes the account's login shell. In a terminal standard input is the user's, so the two values come as
 * arguments of a fixed script. That is safe because of what they may be: an account name matches `^[a-z_][a-z0-9_-]{0,31}$`
 * and an allocation `^[A-Za-z0-9_-]{1,64}$`, so neither holds a character that means something to a shell, and the name
 * cannot pass for an option. Anything else is refused here, and nothing is sent.
 */
function shellCommand(machine: MachineAccess, { accountName, allocationId }: ShellOrder): string {
  if (!ACCOUNT_NAME.test(accountName) || accountName === 'root' || !ALLOCATION.test(allocationId)) {
    throw accessError('bad_answer', machine, 'nothing was sent to the machine: a malformed account name or allocation');
  }
  const command = `sh -c '${SCRIPT}' berth ${accountName} ${allocationId}`;
  return machine.user === 'root' ? command : `sudo -n ${command}`;
}

/** See ShellAccess.openShell. The shell is a channel on the machine's kept connection, which it keeps from being idle. */
export function openShell(
  connections: Connections,
  machine: MachineAccess,
  order: ShellOrder,
  listener: ShellListener,
  limitMs: number,
): Promise<Shell> {
  const deadline = new AbortController();
  const timer = setTimeout(
    () => deadline.abort(accessError('timed_out', machine, `no shell within ${limitMs / 1000} s`)),
    limitMs,
  );
  return new Promise<Shell>((resolve, reject) => {
    const command = shellCommand(machine, order);
    const held = connections.use(machine, deadline.signal, async (connection) => {
      const gone = await connection.openTerminal(command, order.size, deadline.signal, (channel) => {
        resolve(shellOn(channel, listener));
        return { closed: new Promise<void>((leave) => channel.once('close', () => leave())) };
      });
      // The connection is in use until the shell is gone.
      await gone.closed;
    });
    held.catch((error: unknown) =>
      reject(error instanceof AccessError ? error : accessError('unreachable', machine, printable(String(error)))),
    );
  }).finally(() => clearTimeout(timer));
}

function shellOn(channel: ClientChannel, listener: ShellListener): Shell {
  channel.on('data', (data: Buffer) => listener.output(data));
  channel.stderr.on('data', (data: Buffer) => listener.output(data));
  channel.on('drain', () => listener.drained());
  // 'close' follows.
  channel.on('error', () => undefined);
  let exited = false;
  channel.once('exit', () => {
    exited = true;
  });
  channel.once('close', () => listener.closed(exited));
  return {
    write: (data) => !channel.writable || channel.write(data),
    resize: ({ columns, rows }) => {
      if (channel.writable) channel.setWindow(rows, columns, 0, 0);
    },
    pause: () => void channel.pause(),
    resume: () => void channel.resume(),
    close: () => hangUp(channel),
  };
}

/**
 * OpenSSH hangs up on what runs in a terminal as soon as its channel is closed, and passes no signals on to root's sessions.
 * Dropbear takes no notice of the close, but passes signals on. Once a channel is closed no signal can be sent any more.
 */
function hangUp(channel: ClientChannel): void {
  if (!channel.writable) return void channel.close();
  channel.signal('HUP');
  const kill = setTimeout(() => {
    channel.signal('KILL');
    channel.close();
  }, HANG_UP_LIMIT_MS);
  channel.once('close', () => clearTimeout(kill));
}
