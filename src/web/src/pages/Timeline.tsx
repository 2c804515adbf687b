import { useMemo, useState } from 'react';
import { Button } from '../components/Button.tsx';
import { Empty } from '../components/Empty.tsx';
import { Loaded, SkeletonRows } from '../components/Loaded.tsx';
import { Notice } from '../components/Notice.tsx';
import { Page } from '../components/Page.tsx';
import { SearchField } from '../components/SearchField.tsx';
import { fetched, NOW_AT, type Range, ZOOMS } from '../features/timeline/range.ts';
import { rowsOf } from '../features/timeline/rows.ts';
import { Timeline } from '../features/timeline/Timeline.tsx';
import { useTimeline } from '../lib/queries.ts';
import { useNow } from '../lib/time.ts';

export default function TimelinePage() {
  const now = useNow();
  const [zoom, setZoom] = useState(1);
  // Null while what is seen moves along with now.
  const [from, setFrom] = useState<number | null>(null);
  const [text, setText] = useState('');
  const [usedOnly, setUsedOnly] = useState(false);
  const { span } = ZOOMS[zoom] ?? ZOOMS[1];
  const range = useMemo<Range>(() => ({ from: from ?? now - span * NOW_AT, span }), [from, now, span]);
  const asked = fetched(range);
  const query = useTimeline(asked.from, asked.to);

  const all = useMemo(() => rowsOf(query.data?.machines ?? [], query.data?.spans ?? []), [query.data]);
  const rows = useMemo(() => {
    const letters = text.trim().toLowerCase();
    return all.filter(
      ({ machine, spans }) =>
        (!usedOnly || spans.length > 0) &&
        (machine.toLowerCase().includes(letters) ||
          spans.some(({ username }) => username.toLowerCase().includes(letters))),
    );
  }, [all, text, usedOnly]);

  const zoomBy = (by: 1 | -1): void => {
    const next = ZOOMS[zoom + by];
    if (!next) return;
    // The middle stays where it is.
    if (from !== null) setFrom(from + (span - next.span) / 2);
    setZoom(zoom + by);
  };
  const pan = (part: number): void => setFrom(range.from + span * part);

  return (
    <Page title="Timeline" wide lead="Who held and holds which machine.">
      <div className="filters">
        <SearchField label="Search for a machine or a holder" value={text} onChange={setText} />
        <label className="chip">
          <input type="checkbox" checked={usedOnly} onChange={(event) => setUsedOnly(event.target.checked)} />
          Only in use
        </label>
        <div className="row-line tight no-wrap">
          <Button className="btn-icon" icon="chevron-left" aria-label="Earlier" onClick={() => pan(-0.5)} />
          <Button disabled={from === null} onClick={() => setFrom(null)}>
            Now
          </Button>
          <Button className="btn-icon" icon="chevron-right" aria-label="Later" onClick={() => pan(0.5)} />
        </div>
        <span className="grow wide-only" />
        <fieldset className="chips small">
          <legend className="visually-hidden">How much time is shown</legend>
          {ZOOMS.map(({ label }, index) => (
            <label key={label} className="chip">
              <input
                type="radio"
                name="zoom"
                checked={zoom === index}
                onChange={() => {
                  if (from !== null) setFrom(from + (span - (ZOOMS[index]?.span ?? span)) / 2);
                  setZoom(index);
                }}
              />
              {label}
            </label>
          ))}
        </fieldset>
      </div>
      <Loaded query={query} skeleton={<SkeletonRows rows={10} />}>
        {({ machines, truncated }) =>
          rows.length > 0 ? (
            <>
              {truncated && (
                <Notice tone="wait">
                  There is more than can be shown at once. Choose a shorter time to see all of it.
                </Notice>
              )}
              <Timeline rows={rows} range={range} now={now} onZoom={zoomBy} onPan={pan} />
            </>
          ) : (
            <div className="panel">
              <Empty
                icon="bar-chart-steps"
                title={machines.length === 0 ? 'There are no machines yet' : 'No machine fits'}
              >
                {machines.length === 0
                  ? 'As soon as there are some, you see here who held and holds them.'
                  : 'Try fewer letters, or show the machines that are not in use as well.'}
              </Empty>
            </div>
          )
        }
      </Loaded>
    </Page>
  );
}
