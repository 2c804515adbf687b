import type { ServerChannel } from 'ssh2';

/** What people who log in are told first. */
const BANNER = 'This is a machine simulated by Berth; nothing here is real.';

const LONGEST_LINE = 1_000;

/** The size of a terminal, as it is now. */
export interface PretendSize {
  rows: number;
  cols: number;
}

/** Runs one command of `ssh machine command`: `whoami` and `hostname` work, anything else says what this is. */
export function runPretendCommand(channel: ServerChannel, command: string, account: string, machine: string): void {
  const known = reply(command.trim(), account, machine);
  if (known === null) channel.stderr.write(`${refusal(command)}\n`);
  else channel.write(`${known}\n`);
  channel.exit(known === null ? 127 : 0);
  channel.end();
  channel.resume();
}

/**
 * Plays a shell that knows `whoami`, `hostname`, `stty size` and `exit`. With a terminal it echoes and prompts, without one it
 * only answers. Ends when the other side does.
 */
export function runPretendShell(
  channel: ServerChannel,
  account: string,
  machine: string,
  size: Readonly<PretendSize> | null,
): void {
  const terminal = size !== null;
  const lineEnd = terminal ? '\r\n' : '\n';
  const prompt = terminal ? `${account}@${machine} (simulated)$ ` : '';
  let line = '';
  let ended = false;
  const end = (): void => {
    ended = true;
    channel.exit(0);
    channel.end();
  };
  const enter = (): void => {
    const command = line.trim();
    line = '';
    if (terminal) channel.write(lineEnd);
    if (command === 'exit' || command === 'logout') {
      end();
      return;
    }
    if (command === 'stty size' && size) channel.write(`${size.rows} ${size.cols}${lineEnd}`);
    else if (command !== '') channel.write(`${reply(command, account, machine) ?? refusal(command)}${lineEnd}`);
    channel.write(prompt);
  };
  const press = (letter: string): void => {
    if (letter === '\r' || letter === '\n') {
      enter();
    } else if (letter === '\u0004' && line === '') {
      end();
    } else if (letter === '\u0003') {
      line = '';
      channel.write(`^C${lineEnd}${prompt}`);
    } else if (letter === '\u007f' || letter === '\b') {
      if (line !== '' && terminal) channel.write('\b \b');
      line = line.slice(0, -1);
    } else if (letter >= ' ' && line.length < LONGEST_LINE) {
      line += letter;
      if (terminal) channel.write(letter);
    }
  };

  channel.write(`${BANNER}${lineEnd}Commands: whoami, hostname, exit.${lineEnd}${prompt}`);
  channel.setEncoding('utf8').on('data', (text: string) => {
    for (const letter of text) {
      if (!ended) press(letter);
    }
  });
  channel.on('end', () => {
    if (!ended) end();
  });
}

function reply(command: string, account: string, machine: string): string | null {
  if (command === 'whoami') return account;
  if (command === 'hostname') return machine;
  return null;
}

function refusal(command: string): string {
  const shown = command
    .trim()
    .replace(/[^ -~]/g, '?')
    .slice(0, 60);
  return `${shown}: does not run here. ${BANNER}`;
}
