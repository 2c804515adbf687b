/** What can be done on a machine. */
export type Verb = 'probe' | 'create' | 'remove' | 'verify';

/** The values of one order as they came; nothing about them is checked yet. */
export interface Order {
  readonly allocation: string;
  /** NaN unless digits came. */
  readonly generation: number;
  readonly account: string;
  /** Empty when no password may log in. */
  readonly hash: string;
  readonly keys: readonly string[];
  readonly repair: boolean;
}

const VERBS: readonly (readonly [string, Verb])[] = [
  ['# berth probe 1', 'probe'],
  ['# berth create-account 1', 'create'],
  ['# berth remove-account 1', 'remove'],
  ['# berth verify 1', 'verify'],
];

/** The verb whose script a command holds, known by the script's first line; null for any other command. */
export function verbOf(command: string): Verb | null {
  return VERBS.find(([firstLine]) => command.includes(firstLine))?.[1] ?? null;
}

/** Whose shell a command asks for, as the SSH driver writes it; null for any other command. */
export function shellOf(command: string): { account: string; allocation: string } | null {
  if (!command.includes('# berth shell 1\n')) return null;
  const [, account, allocation] = / berth ([a-z0-9_-]+) ([A-Za-z0-9_-]+)$/.exec(command) ?? [];
  return account !== undefined && allocation !== undefined ? { account, allocation } : null;
}

/** Reads the lines `name value` up to a line `end`. Null as long as that line is missing: the order is cut off. */
export function readOrder(text: string): Order | null {
  const values = new Map<string, string>();
  const keys: string[] = [];
  const lines = text.split('\n');
  lines.pop(); // the line that is not ended yet
  for (const line of lines) {
    if (line === 'end') {
      const generation = values.get('generation') ?? '';
      return {
        allocation: values.get('allocation') ?? '',
        generation: /^\d+$/.test(generation) ? Number(generation) : Number.NaN,
        account: values.get('account') ?? '',
        hash: values.get('hash') ?? '',
        keys,
        repair: values.get('repair') === 'yes',
      };
    }
    const space = line.indexOf(' ');
    if (space < 0) continue;
    const name = line.slice(0, space);
    if (name === 'key') keys.push(line.slice(space + 1));
    else values.set(name, line.slice(space + 1));
  }
  return null;
}
