import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useCallback, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import type { Span } from '../../lib/queries.ts';
import { useMe } from '../../lib/session.ts';
import { place, type Range, ticks } from './range.ts';
import { type Row, type Spot, step } from './rows.ts';
import { spanWords } from './span-words.ts';
import { ROW_HEIGHT, spanId, TimelineRow } from './TimelineRow.tsx';

/** Machines by time. Arrow keys go from one hold to the next, Enter opens it. */
export function Timeline({
  rows,
  range,
  now,
  onZoom,
  onPan,
}: {
  rows: readonly Row[];
  range: Range;
  now: number;
  onZoom: (by: 1 | -1) => void;
  /** By a part of what is seen. */
  onPan: (part: number) => void;
}) {
  const { user, isAdmin } = useMe();
  const navigate = useNavigate();
  const grid = useRef<HTMLDivElement>(null);
  const track = useRef<HTMLDivElement>(null);
  const [spot, setSpot] = useState<Spot | null>(null);
  const { above, width } = useMeasures(grid, track);
  const marks = useMemo(() => ticks(range, width), [range, width]);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW_HEIGHT,
    overscan: 10,
    scrollMargin: above,
    getItemKey: (index) => rows[index]?.machine ?? index,
  });
  const choose = useCallback((row: number, span: number) => setSpot({ row, span }), []);
  const chosen = spot && rows[spot.row]?.spans[spot.span];
  const mayOpen = (span: Span): boolean => isAdmin || span.username === user;

  const press = (event: KeyboardEvent): void => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.startsWith('Arrow')) {
      const next = spot && chosen ? step(rows, spot, event.key) : firstSeen(rows, range);
      if (!next) return;
      setSpot(next);
      virtual.scrollToIndex(next.row, { align: 'auto' });
      bringIntoSight(rows[next.row]?.spans[next.span], range, onPan);
    } else if (event.key === '+' || event.key === '=') onZoom(-1);
    else if (event.key === '-') onZoom(1);
    else if (event.key === '<' || event.key === ',') onPan(-0.5);
    else if (event.key === '>' || event.key === '.') onPan(0.5);
    else if (event.key === 'Enter' && chosen && mayOpen(chosen))
      void navigate(`/reservations/${chosen.reservation_id}`);
    else return;
    event.preventDefault();
  };

  return (
    <div className="panel timeline">
      <div className="timeline-axis" aria-hidden="true">
        <span />
        <div className="timeline-ticks" ref={track}>
          {marks.map(({ at, label, strong }) => (
            <span key={at} className={strong ? 'strong' : ''} style={{ left: `${place(at, range)}%` }}>
              {label}
            </span>
          ))}
        </div>
      </div>
      <div
        ref={grid}
        role="grid"
        tabIndex={0}
        aria-label="Who held what. Arrow keys go from one to the next, Enter opens it, plus and minus zoom, comma and full stop move in time."
        aria-rowcount={rows.length}
        aria-activedescendant={spot && chosen ? spanId(spot.row, spot.span) : undefined}
        className="timeline-grid"
        style={{ height: virtual.getTotalSize() }}
        onKeyDown={press}
      >
        {virtual.getVirtualItems().map(({ index, key, start }) => (
          <div key={key} role="row" aria-rowindex={index + 1} className="timeline-row" style={{ top: start - above }}>
            <TimelineRow
              row={rows[index] as Row}
              index={index}
              range={range}
              marks={marks}
              now={now}
              width={width}
              me={user}
              chosen={spot?.row === index ? spot.span : null}
              onChoose={choose}
            />
          </div>
        ))}
      </div>
      <div className="timeline-foot" role="status">
        {chosen ? (
          <>
            <span className="grow">{spanWords(chosen)}</span>
            {mayOpen(chosen) && (
              <button
                type="button"
                className="btn btn-plain btn-sm"
                onClick={() => void navigate(`/reservations/${chosen.reservation_id}`)}
              >
                Open
              </button>
            )}
          </>
        ) : (
          <span className="soft">Choose a bar to see who holds what, until when.</span>
        )}
      </div>
    </div>
  );
}

/** Where the keyboard begins: at the first hold that can be seen, or at any. */
function firstSeen(rows: readonly Row[], { from, span }: Range): Spot | null {
  for (const [row, { spans }] of rows.entries()) {
    const seen = spans.findIndex(
      (one) => new Date(one.to).getTime() > from && new Date(one.from).getTime() < from + span,
    );
    if (seen >= 0) return { row, span: seen };
  }
  const any = rows.findIndex(({ spans }) => spans.length > 0);
  return any < 0 ? null : { row: any, span: 0 };
}

/** A hold that the keyboard reached may lie outside of what is seen. */
function bringIntoSight(span: Span | undefined, { from, span: seen }: Range, pan: (part: number) => void): void {
  if (!span) return;
  const middle = (new Date(span.from).getTime() + new Date(span.to).getTime()) / 2;
  if (new Date(span.to).getTime() < from || new Date(span.from).getTime() > from + seen) {
    pan((middle - from) / seen - 0.5);
  }
}

/** Where the rows begin on the page, and how wide the part with the bars is. */
function useMeasures(grid: React.RefObject<HTMLElement | null>, track: React.RefObject<HTMLElement | null>) {
  const [measures, setMeasures] = useState({ above: 0, width: 0 });
  useLayoutEffect(() => {
    const above = Math.round((grid.current?.getBoundingClientRect().top ?? 0) + scrollY);
    const width = track.current?.clientWidth ?? 0;
    if (above !== measures.above || width !== measures.width) setMeasures({ above, width });
  });
  return measures;
}
