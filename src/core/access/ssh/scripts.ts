import { readFileSync } from 'node:fs';

/** What can be done on a machine. */
export type Verb = 'probe' | 'create' | 'remove' | 'verify';

const TITLES: Record<Verb, string> = {
  probe: '# berth probe 1',
  create: '# berth create-account 1',
  remove: '# berth remove-account 1',
  verify: '# berth verify 1',
};

const PRELUDE = scriptText('prelude');
const LEFTOVERS = scriptText('leftovers');

/**
 * The scripts, plain POSIX sh without a value in them. They answer with lines `berth: name value` and, last,
 * `berth: done` or `berth: failed CODE words` with a code of ACCESS_FAILURES. The braces see to it that a script
 * that was cut off on its way is not begun.
 */
const SCRIPTS: Record<Verb, string> = {
  probe: `{\n${PRELUDE}${scriptText('probe')}}\n`,
  create: `{\n${PRELUDE}${scriptText('create-account')}}\n`,
  remove: `{\n${PRELUDE}${LEFTOVERS}${scriptText('remove-account')}}\n`,
  verify: `{\n${PRELUDE}${LEFTOVERS}${scriptText('verify')}}\n`,
};

/**
 * The command to run for a verb: the same for every machine and order, through sudo unless the login user is root.
 * It takes the script from its standard input too, because dropbear refuses commands of more than 9000 characters.
 */
export function commandFor(verb: Verb, loginUser: string): string {
  const command = `sh -c '${TITLES[verb]}
order=
while IFS= read -r line; do
order="$order$line
"
[ "$line" != end ] || break
done
eval "$(cat)"'`;
  return loginUser === 'root' ? command : `sudo -n ${command}`;
}

/** What goes to the command's standard input: the order as lines `name value`, a line `end`, the script. */
export function inputFor(verb: Verb, lines: readonly string[]): string {
  return `${[...lines, 'end'].join('\n')}\n${SCRIPTS[verb]}`;
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
