import { readFileSync } from 'node:fs';

/** What can be done on a machine. */
export type Verb = 'probe' | 'create' | 'remove';

const PRELUDE = scriptText('prelude');

/**
 * The three scripts, plain POSIX sh. They hold no value: the order arrives on standard input as lines `name value`
 * up to a line `end`. They answer with lines `berth: name value` and, last, `berth: done` or
 * `berth: failed CODE words` with a code of ACCESS_FAILURES.
 */
export const SCRIPTS: Record<Verb, string> = {
  probe: `# berth probe 1\n${PRELUDE}${scriptText('probe')}`,
  create: `# berth create-account 1\n${PRELUDE}${scriptText('create-account')}`,
  remove: `# berth remove-account 1\n${PRELUDE}${scriptText('remove-account')}`,
};

/** The command to run for a verb: the same for every machine and order, through sudo unless the login user is root. */
export function commandFor(verb: Verb, loginUser: string): string {
  const command = `sh -c '${SCRIPTS[verb].replaceAll("'", `'\\''`)}'`;
  return loginUser === 'root' ? command : `sudo -n ${command}`;
}

/** Comments stay in the file: sudo logs whole commands, and every machine parses the text anew on each call. */
function scriptText(name: string): string {
  const text = readFileSync(new URL(`scripts/${name}.sh`, import.meta.url), 'utf8');
  return `${text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('# '))
    .join('\n')}\n`;
}
