import type { Span } from '../../lib/queries.ts';

export interface Row {
  readonly machine: string;
  /** In the order of time. */
  readonly spans: readonly Span[];
}

const byName = new Intl.Collator(undefined, { numeric: true });

/** One row per machine with what held it. */
export function rowsOf(machines: readonly { name: string }[], spans: readonly Span[]): Row[] {
  const byMachine = Map.groupBy(spans, ({ machine }) => machine);
  return machines
    .map(({ name }) => ({
      machine: name,
      spans: (byMachine.get(name) ?? []).toSorted((a, b) => a.from.localeCompare(b.from)),
    }))
    .sort((a, b) => byName.compare(a.machine, b.machine));
}

/** A span by its row and its place in it. */
export interface Spot {
  readonly row: number;
  readonly span: number;
}

/** The spot that an arrow key leads to; the same one where there is none further. */
export function step(rows: readonly Row[], from: Spot, key: string): Spot {
  const here = rows[from.row]?.spans[from.span];
  if (key === 'ArrowLeft') return from.span > 0 ? { ...from, span: from.span - 1 } : from;
  if (key === 'ArrowRight')
    return from.span + 1 < (rows[from.row]?.spans.length ?? 0) ? { ...from, span: from.span + 1 } : from;
  const by = key === 'ArrowUp' ? -1 : 1;
  for (let row = from.row + by; row >= 0 && row < rows.length; row += by) {
    const spans = rows[row]?.spans ?? [];
    if (spans.length === 0) continue;
    const nearest = spans.findLastIndex(({ from: begin }) => here === undefined || begin <= here.from);
    return { row, span: Math.max(0, nearest) };
  }
  return from;
}
