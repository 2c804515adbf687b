import { addressOf, type Standing } from '../../lib/standings.ts';

export type Order = 'name' | 'state' | 'until' | 'probed';

/** What is looked for, as it stands in the page's address. */
export interface Filter {
  readonly text: string;
  /** A state, `attention` for what somebody should look at, or nothing. */
  readonly state: string;
  readonly label: string;
  readonly order: Order;
  readonly down: boolean;
}

const byName = new Intl.Collator(undefined, { numeric: true });

export function readFilter(search: URLSearchParams): Filter {
  const order = search.get('sort') ?? 'name';
  return {
    text: search.get('q') ?? '',
    state: search.get('state') ?? '',
    label: search.get('label') ?? '',
    order: order === 'state' || order === 'until' || order === 'probed' ? order : 'name',
    down: search.has('down'),
  };
}

/** Names, addresses and holders are searched; every word has to be found. */
export function filtered(standings: readonly Standing[], { text, state, label }: Filter): Standing[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return standings.filter((one) => {
    if (state === 'attention' ? !needsAttention(one) : state !== '' && one.state !== state) return false;
    if (label !== '' && !one.machine.labels.includes(label)) return false;
    if (words.length === 0) return true;
    const { name, machine } = one;
    const hay =
      `${name} ${addressOf(machine) ?? ''} ${machine.reserved_by ?? ''} ${machine.labels.join(' ')}`.toLowerCase();
    return words.every((word) => hay.includes(word));
  });
}

export function sorted(standings: readonly Standing[], order: Order, down: boolean): Standing[] {
  const value = ({ state, machine }: Standing): string => {
    if (order === 'state') return state;
    // What has no such time comes last.
    if (order === 'until') return machine.reserved_until ?? '~';
    return order === 'probed' ? (machine.probed_at ?? '') : '';
  };
  const compare = (a: Standing, b: Standing): number => {
    const [x, y] = [value(a), value(b)];
    return x === y ? byName.compare(a.name, b.name) : x < y ? -1 : 1;
  };
  return standings.toSorted(down ? (a, b) => compare(b, a) : compare);
}

export function needsAttention({ state, held, machine }: Standing): boolean {
  return (
    state === 'unreachable' ||
    state === 'quarantined' ||
    (held?.problem ?? null) !== null ||
    machine.findings.length > 0 ||
    (state === 'free' && machine.reason !== null)
  );
}
