import { Argument, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { command, type Program } from '../command.ts';
import { print } from '../terminal.ts';

const WRITERS = { bash, zsh, fish } as const;

export function add(program: Program, whole: () => Promise<Program>): void {
  program.addCommand(
    command('completion', 'Print a script that makes your shell complete the words of berth')
      .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish'] as const))
      .addHelpText(
        'after',
        `
bash: berth completion bash >~/.local/share/bash-completion/completions/berth
zsh:  berth completion zsh >~/.zfunc/_berth   (a folder of your $fpath)
fish: berth completion fish >~/.config/fish/completions/berth.fish`,
      )
      .action(async (shell) => print(WRITERS[shell](wordsOf(await whole())))),
  );
}

/** The commands and options that may follow, by the commands before them: `''`, `machines`, `machines list` ... */
type Words = ReadonlyMap<string, { readonly commands: readonly string[]; readonly options: readonly string[] }>;

function wordsOf(program: CommandUnknownOpts): Words {
  const words = new Map<string, { commands: string[]; options: string[] }>();
  const walk = (one: CommandUnknownOpts, path: readonly string[]): void => {
    words.set(path.join(' '), {
      commands: one.commands.map((child) => child.name()),
      options: [...one.options.flatMap((option) => option.long ?? []), '--help'],
    });
    for (const child of one.commands) walk(child, [...path, child.name()]);
  };
  walk(program, []);
  return words;
}

/** Which commands have been typed so far, in the shell's own words; the same text does for bash and zsh. */
function typedSoFar(words: Words): string {
  const groups = [...words].filter(([path, { commands }]) => path !== '' && commands.length > 0).map(([path]) => path);
  return `    case "$typed" in
      '') typed=$word ;;
      ${groups.join('|')}) typed="$typed $word" ;;
    esac`;
}

function cases(words: Words): string {
  return [...words]
    .map(([path, { commands, options }]) => `    '${path}') words='${[...commands, ...options].join(' ')}' ;;`)
    .join('\n');
}

function bash(words: Words): string {
  return `# bash completion for berth
_berth() {
  local typed='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) continue ;; esac
${typedSoFar(words)}
  done
  case "$typed" in
${cases(words)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  # Where no word of berth fits, a file may be meant.
  [ \${#COMPREPLY[@]} -gt 0 ] || compopt -o default 2>/dev/null || true
}
complete -F _berth berth`;
}

function zsh(words: Words): string {
  return `#compdef berth
# zsh completion for berth
_berth_complete() {
  local typed='' word words_of=''
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$word" in -*) continue ;; esac
${typedSoFar(words)}
  done
  case "$typed" in
${cases(words).replaceAll(" words='", " words_of='")}
  esac
  compadd -- \${=words_of} || _files
}
compdef _berth_complete berth
if [ "$funcstack[1]" = "_berth" ]; then _berth_complete; fi`;
}

function fish(words: Words): string {
  const seen = '__fish_seen_subcommand_from';
  const groups = (words.get('')?.commands ?? []).filter((name) => words.get(name)?.commands.length);
  const when = (path: string): string => {
    const [first = '', second] = path.split(' ');
    if (first === '') return '__fish_use_subcommand';
    if (second !== undefined) return `${seen} ${first}; and ${seen} ${second}`;
    // `machines list` is not `list`.
    const others = words.get(first)?.commands.length ? words.get(first)?.commands : groups;
    return `${seen} ${first}; and not ${seen} ${others?.join(' ')}`;
  };
  const lines = [...words].flatMap(([path, { commands, options }]) => [
    ...(commands.length > 0 ? [`complete -c berth -n '${when(path)}' -f -a '${commands.join(' ')}'`] : []),
    ...options.map((option) => `complete -c berth -n '${when(path)}' -l ${option.slice(2)}`),
  ]);
  return ['# fish completion for berth', ...lines].join('\n');
}
