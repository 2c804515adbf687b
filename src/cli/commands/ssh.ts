import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { type Common, command, type Program } from '../command.ts';
import { connect } from '../connect.ts';
import { CliError, EXIT } from '../exit.ts';
import { itemOn } from '../find-reservation.ts';
import { noProgram, remoteCommand, sshArguments, targetOf, withPrivateFolder, writeKnownHosts } from '../ssh.ts';

export function add(program: Program): void {
  program.addCommand(
    command('ssh', 'Log in to a machine that you have reserved; its host key is checked')
      .argument('<machine>')
      .argument('[command...]', 'run this instead of a shell')
      .option('-i, --identity <file>', 'private key to log in with')
      .passThroughOptions()
      .addHelpText('after', '\nOne word is a line for the shell there: berth ssh m1 "cd /tmp && ls"')
      .action(login),
  );
}

async function login(machine: string, given: string[], options: Common & { identity?: string }): Promise<void> {
  // The words after the machine come as they were typed, a separating `--` included.
  const words = given[0] === '--' ? given.slice(1) : given;
  const client = await connect(options);
  const item = await itemOn(client, machine);
  const reservation = await client.call('getReservation', { params: { id: item.reservation_id } });
  const found = reservation.machines.find((one) => one.machine === machine);
  if (!found) throw new CliError('not_found', EXIT.notFound, `${machine} is not part of it any more`, 'berth list');
  const target = targetOf(reservation, found);

  process.exitCode = await withPrivateFolder(async (folder) => {
    const identity = options.identity === undefined ? [] : ['-i', options.identity];
    const args = sshArguments(target, writeKnownHosts(folder, [target]), identity);
    return await runSsh(words.length === 0 ? args : [...args, remoteCommand(words)]);
  });
}

/** Answers the exit code of ssh, which is that of the command over there, or 255. */
function runSsh(args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('ssh', args, { stdio: 'inherit' });
    // Ctrl-C is for the far side; ssh itself decides what it means here.
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    const pass = (signal: NodeJS.Signals): void => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    for (const signal of signals) process.on(signal, pass);
    child.once('error', (error) => reject(noProgram('ssh', error)));
    child.once('close', (code, signal) => {
      for (const one of signals) process.off(one, pass);
      resolve(code ?? 128 + constants.signals[signal ?? 'SIGTERM']);
    });
  });
}
