import { Link } from 'react-router';
import { lookOf, type Tone } from '../../components/State.tsx';
import { countByState, type Standing } from '../../lib/standings.ts';

const ORDER: readonly Standing['state'][] = [
  'free',
  'reserved',
  'preparing',
  'cleaning',
  'checking',
  'unreachable',
  'quarantined',
  'disabled',
];

/** How many machines there are of each state, as one bar with its legend. */
export function PoolGauge({ standings }: { standings: readonly Standing[] }) {
  const counts = countByState(standings);
  const shown = ORDER.filter((state) => counts[state] > 0);
  let at = 0;
  return (
    <section className="panel panel-body" aria-labelledby="pool-title">
      <h2 id="pool-title" className="soft small">
        Pool
      </h2>
      <p className="figure">
        {counts.free} <span className="of">of {standings.length} machines free</span>
      </p>
      <svg className="gauge" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        {shown.map((state) => {
          const width = (counts[state] / standings.length) * 100;
          const x = at;
          at += width;
          return (
            <rect key={state} className={toneOf(state)} x={x} y={0} width={Math.max(width - 0.4, 0.4)} height={4} />
          );
        })}
      </svg>
      <ul className="legend">
        {shown.map((state) => (
          <li key={state}>
            <span className={`dot ${toneOf(state)}`} />
            <Link className="soft" to={`/machines?state=${state}`}>
              {lookOf(state).word}
            </Link>
            <span>{counts[state]}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

const toneOf = (state: Standing['state']): Tone => lookOf(state).tone;
