import { Icon } from '../../components/Icon.tsx';
import type { IconName } from '../../components/icon-names.ts';
import type { FileRow } from './machines-file.ts';

export interface RowResult {
  readonly kind: 'busy' | 'done' | 'refused';
  readonly text: string;
}

const MOST = 500;

/** The rows of a file with what will, or did, become of each. */
export function RowList({
  rows,
  results,
  known,
}: {
  rows: readonly FileRow[];
  results: ReadonlyMap<number, RowResult>;
  known: ReadonlySet<string>;
}) {
  const counts = { done: 0, refused: 0 };
  for (const { kind } of results.values()) if (kind !== 'busy') counts[kind] += 1;
  return (
    <div className="stack-sm">
      <div className="small soft" role="status">
        {rows.length} in the file
        {results.size > 0 && `, ${counts.done} registered, ${counts.refused} refused`}
      </div>
      <ul className="lines row-list">
        {rows.slice(0, MOST).map((row) => {
          const { icon, tone, text } = outcome(row, results.get(row.number), known);
          return (
            <li key={row.number} className="row-line">
              <span className="strong">{row.name || `Entry ${row.number}`}</span>
              <span className="mono soft small">{row.address}</span>
              <span className={`row-line tight small row-outcome ${tone}`}>
                <Icon name={icon} className={icon === 'arrow-repeat' ? 'spin' : ''} />
                {text}
              </span>
            </li>
          );
        })}
        {rows.length > MOST && <li className="soft">and {rows.length - MOST} more</li>}
      </ul>
    </div>
  );
}

function outcome(
  row: FileRow,
  result: RowResult | undefined,
  known: ReadonlySet<string>,
): { icon: IconName; tone: string; text: string } {
  if (result?.kind === 'done') return { icon: 'check-circle', tone: 'good', text: result.text };
  if (result?.kind === 'refused') return { icon: 'x-circle', tone: 'bad', text: result.text };
  if (result?.kind === 'busy') return { icon: 'arrow-repeat', tone: '', text: result.text };
  if (row.problem !== null) return { icon: 'exclamation-triangle', tone: 'wait', text: row.problem };
  if (known.has(row.name)) return { icon: 'info-circle', tone: '', text: 'Registered already' };
  return { icon: 'plus-lg', tone: '', text: 'New' };
}
