import { Command } from '@commander-js/extra-typings';
import packageJson from '../../package.json' with { type: 'json' };
import type { Program } from './command.ts';

interface Group {
  readonly names: readonly string[];
  readonly load: () => Promise<{ add(program: Program, whole: () => Promise<Program>): void }>;
}

/** Each command's file is loaded only when it is called, or when help is wanted. In the order of the help. */
const GROUPS: readonly Group[] = [
  { names: ['login', 'logout', 'whoami'], load: () => import('./commands/sign-in.ts') },
  { names: ['available', 'reserve', 'list', 'extend', 'release'], load: () => import('./commands/reservations.ts') },
  { names: ['show'], load: () => import('./commands/show.ts') },
  { names: ['verify'], load: () => import('./commands/verify.ts') },
  { names: ['ssh'], load: () => import('./commands/ssh.ts') },
  { names: ['run'], load: () => import('./commands/run.ts') },
  { names: ['inventory'], load: () => import('./commands/inventory.ts') },
  { names: ['machines'], load: () => import('./commands/machines.ts') },
  { names: ['limits'], load: () => import('./commands/limits.ts') },
  { names: ['users'], load: () => import('./commands/users.ts') },
  { names: ['tokens'], load: () => import('./commands/tokens.ts') },
  { names: ['audit'], load: () => import('./commands/audit.ts') },
  { names: ['completion'], load: () => import('./commands/completion.ts') },
];

/** The program with the command that the words name, or with all commands when they name none. */
export async function buildProgram(words: readonly string[]): Promise<Program> {
  const program = new Command('berth')
    .description('Reserve machines from a shared pool and get a Linux account on each.')
    .version(packageJson.version, '-V, --version')
    .helpCommand('help [command]', 'more about a command')
    .enablePositionalOptions()
    .showHelpAfterError('berth help [command] says more.')
    .exitOverride()
    .addHelpText(
      'after',
      `
Exit codes: 0 ok, 1 failed, 2 wrong words, 3 not signed in or not allowed, 4 not enough machines,
            5 server not reachable, 6 no such thing, 7 in the way of something, 130 broken off
First:      berth login --server https://berth.example.org`,
    );
  const asked = GROUPS.find(({ names }) => names.includes(words[0] ?? ''));
  const wantsVersion = words[0] === '--version' || words[0] === '-V';
  for (const one of asked ? [asked] : wantsVersion ? [] : GROUPS)
    (await one.load()).add(program, () => buildProgram([]));
  settle(program);
  return program;
}

/** Commands that were made by themselves do as the program does. */
function settle(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    settle(child as Command);
  }
}
