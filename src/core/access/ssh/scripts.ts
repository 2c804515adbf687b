import { readFileSync } from 'node:fs';

/** What can be done on a machine. */
export type Verb = 'probe' | 'create' | 'remove';

const TITLES: Record<Verb, string> = {
  probe: '# berth probe 1',
  create: '# berth create-account 1',
  remove: '# berth remove-account 1',
};

const PRELUDE = scriptText('prelude');

/**
 * The three scripts, plain POSIX sh without a value in them. They answer with lines `berth: name value` and, last,
 * `berth: done` or `berth: failed CODE words` with a code of ACCESS_FAILURES.
 */
const SCRIPTS: Record<Verb, string> = {
  probe: PRELUDE + scriptText('probe'),
  create: PRELUDE + scriptText('create-account'),
  remove: PRELUDE + scriptText('remove-account'),
};

/**
 * The command to run for a verb: the same for every machine and order, through sudo unless the login user is root.
 * It takes the script from its standard input too, because dropbear refuses commands of more than 9000 characters.
 */
export function commandFor(verb: Verb, loginUser: string): string {
  const command = `sh -c '${TITLES[verb]}\norder=$(cat)\neval "\${order%%\ngo\n*}"'`;
  return loginUser === 'root' ? command : `sudo -n ${command}`;
}

/** What goes to the command's standard input: the script, a line `go`, the order as lines `name value`, a line `end`. */
export function inputFor(verb: Verb, lines: readonly string[]): string {
  return `${SCRIPTS[verb]}go\n${[...lines, 'end'].join('\n')}\n`;
}

/** Comments and indentation stay in the file: every machine parses the text anew on each call. */
function scriptText(name: string): string {
  const text = readFileSync(new URL(`scripts/${name}.sh`, import.meta.url), 'utf8');
  return `${text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('# '))
    .join('\n')}\n`;
}
