import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pc from 'picocolors';
import { type Common, collect, command, type Program } from '../command.ts';
import { connect } from '../connect.ts';
import { EXIT } from '../exit.ts';
import { interruptible } from '../interrupt.ts';
import { eachLine } from '../lines.ts';
import { whileWorking } from '../progress.ts';
import { requestFor, type Wanted } from '../reserve-options.ts';
import { giveBack, reserve } from '../reserving.ts';
import {
  noProgram,
  remoteCommand,
  sshArguments,
  type Target,
  targetOf,
  withPrivateFolder,
  writeKnownHosts,
} from '../ssh.ts';
import { counted, jsonText, plain } from '../text.ts';

export function add(program: Program): void {
  program.addCommand(
    command('run', 'Reserve machines, run a command on all of them side by side, give them back')
      .argument('<command...>', 'what to run')
      .option('-n, --count <number>', 'how many; by default 1, or as many as are named')
      .option('--for <time>', 'how long at most: 90m, 1h30m', '1h')
      .option('--label <label>', 'only machines with this label (may be repeated)', collect)
      .option('--machine <name>', 'only this machine (may be repeated)', collect)
      .option('--as <account>', 'name of the Linux account (admins)')
      .passThroughOptions()
      .addHelpText(
        'after',
        `
One word is a line for the shell there: berth run -n 3 -- "cd /tmp && ls"
Ends with the highest exit code of the machines; 255 means that a machine could not be reached.`,
      )
      .action(run),
  );
}

async function run(words: string[], options: Common & Wanted & { count?: string }): Promise<void> {
  const request = requestFor(options.count, options);
  const client = await connect(options);
  const hear = options.json ? tellJson : tellPerson();
  await interruptible((stop) =>
    withPrivateFolder(async (folder) => {
      const key = await makeKey(folder);
      const body = { ...request, ssh_public_keys: [key.publicKey] };
      const reservation = await whileWorking(`Preparing ${counted(request.count ?? 1, 'machine')} ...`, () =>
        reserve(client, body, true, stop),
      );
      let given = false;
      try {
        const targets = reservation.machines.map((one) => targetOf(reservation, one));
        const file = writeKnownHosts(folder, targets);
        const codes = await Promise.all(
          targets.map(async (target) => {
            const args = [...sshArguments(target, file, loginWith(key.file)), remoteCommand(words)];
            const code = await runOn(target, args, stop, hear);
            hear.end(target, code);
            return code;
          }),
        );
        stop.throwIfAborted();
        process.exitCode = Math.max(...codes);
      } finally {
        given = await whileWorking('Giving the machines back ...', () => giveBack(client, reservation));
      }
      if (!given) process.exitCode = Math.max(Number(process.exitCode), EXIT.failed);
    }),
  );
}

interface Hearer {
  line(target: Target, stream: 'stdout' | 'stderr', line: string): void;
  end(target: Target, code: number): void;
}

/** Lines as they come, each with the name of its machine. */
function tellPerson(): Hearer {
  const colours = [pc.cyan, pc.magenta, pc.green, pc.yellow, pc.blue];
  const seen: string[] = [];
  const prefix = ({ machine }: Target): string => {
    if (!seen.includes(machine)) seen.push(machine);
    const colour = colours[seen.indexOf(machine) % colours.length] ?? pc.cyan;
    return colour(`${machine} | `);
  };
  return {
    line(target, stream, line) {
      const out = process[stream];
      // A terminal obeys what it is sent; a file or a program gets what the machine wrote.
      out.write(`${prefix(target)}${out.isTTY ? plain(line.replaceAll('\t', '    ')) : line}\n`);
    },
    end(target, code) {
      if (code !== 0) process.stderr.write(`${prefix(target)}exit code ${code}\n`);
    },
  };
}

/** One JSON object per line. */
const tellJson: Hearer = {
  line: ({ machine }, stream, line) => process.stdout.write(`${jsonText({ machine, stream, line })}\n`),
  end: ({ machine }, exit_code) => process.stdout.write(`${jsonText({ machine, exit_code })}\n`),
};

function loginWith(keyFile: string): string[] {
  const options = [
    'BatchMode=yes',
    'IdentitiesOnly=yes',
    'LogLevel=ERROR',
    'ControlPath=none',
    'ServerAliveInterval=15',
  ];
  return ['-T', '-i', keyFile, ...options.flatMap((option) => ['-o', option])];
}

/** Answers the exit code of the command over there. */
async function runOn(target: Target, args: readonly string[], stop: AbortSignal, hear: Hearer): Promise<number> {
  stop.throwIfAborted();
  const child = spawn('ssh', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const end = (): void => void child.kill('SIGTERM');
  stop.addEventListener('abort', end);
  const closed = new Promise<number>((resolve, reject) => {
    child.once('error', (error) => reject(noProgram('ssh', error)));
    child.once('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGTERM']));
  });
  try {
    const [code] = await Promise.all([
      closed,
      eachLine(child.stdout, (line) => hear.line(target, 'stdout', line)),
      eachLine(child.stderr, (line) => hear.line(target, 'stderr', line)),
    ]);
    return code;
  } finally {
    stop.removeEventListener('abort', end);
  }
}

/** A key for this one run. */
async function makeKey(folder: string): Promise<{ file: string; publicKey: string }> {
  const file = join(folder, 'key');
  await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'berth-run', '-f', file]).catch(
    (error: Error) => {
      throw noProgram('ssh-keygen', error);
    },
  );
  return { file, publicKey: readFileSync(`${file}.pub`, 'utf8').trim() };
}
