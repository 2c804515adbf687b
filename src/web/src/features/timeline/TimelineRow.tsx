import { memo } from 'react';
import { Link } from 'react-router';
import { lookOf } from '../../components/State.tsx';
import { place, type Range, type Tick } from './range.ts';
import type { Row } from './rows.ts';
import { spanWords } from './span-words.ts';

export const ROW_HEIGHT = 34;
const NAME_FITS_PX = 46;

/** One machine: what held it, when. Drawn in percent of the width, so that nothing has to be measured again. */
export const TimelineRow = memo(function TimelineRow({
  row,
  index,
  range,
  marks,
  now,
  width,
  me,
  chosen,
  onChoose,
}: {
  row: Row;
  index: number;
  range: Range;
  marks: readonly Tick[];
  now: number;
  /** Of the part with the spans, in pixels. */
  width: number;
  me: string;
  /** Which span of this row the keyboard is at; null when it is elsewhere. */
  chosen: number | null;
  onChoose: (row: number, span: number) => void;
}) {
  return (
    <>
      <span role="rowheader" className="timeline-name truncate">
        <Link
          className="row-link"
          to={`/machines/${encodeURIComponent(row.machine)}`}
          tabIndex={-1}
          title={row.machine}
        >
          {row.machine}
        </Link>
      </span>
      <svg role="presentation" className="timeline-track" height={ROW_HEIGHT}>
        {marks.map(({ at, strong }) => (
          <rect
            key={at}
            className={strong ? 'tick strong' : 'tick'}
            x={`${place(at, range)}%`}
            width={1}
            height={ROW_HEIGHT}
          />
        ))}
        {row.spans.map((span, number) => {
          const begin = Math.max(0, place(new Date(span.from).getTime(), range));
          const end = Math.min(100, place(new Date(span.to).getTime(), range));
          if (end <= 0 || begin >= 100) return null;
          const mine = span.username === me;
          return (
            <g
              key={`${span.reservation_id} ${span.from}`}
              role="gridcell"
              id={spanId(index, number)}
              aria-label={spanWords(span)}
              className={`span ${mine ? 'mine' : toneOf(span.state)} ${chosen === number ? 'chosen' : ''}`}
              onClick={() => onChoose(index, number)}
            >
              <rect x={`${begin}%`} y={5} width={`${Math.max(end - begin, 0.15)}%`} height={ROW_HEIGHT - 10} rx={5} />
              {((end - begin) / 100) * width > NAME_FITS_PX && (
                <svg x={`${begin}%`} width={`${end - begin}%`} height={ROW_HEIGHT} aria-hidden="true">
                  <text x={8} y={ROW_HEIGHT / 2 + 4}>
                    {span.username}
                  </text>
                </svg>
              )}
            </g>
          );
        })}
        <rect className="now" x={`${place(now, range)}%`} width={2} height={ROW_HEIGHT} />
      </svg>
    </>
  );
});

export const spanId = (row: number, span: number): string => `span-${row}-${span}`;

function toneOf(state: string): string {
  return state === 'active' ? 'busy' : lookOf(state).tone;
}
