import { Link } from 'react-router';
import { Icon } from '../../components/Icon.tsx';
import { lookOf } from '../../components/State.tsx';
import { Ago } from '../../components/Time.tsx';
import { reasonOf, type Standing } from '../../lib/standings.ts';

const MOST = 5;

/** Machines that somebody should look at, with the reason and what mends it. */
export function Attention({ standings }: { standings: readonly Standing[] }) {
  const odd = standings.filter(
    ({ state, held, machine }) =>
      state === 'unreachable' ||
      state === 'quarantined' ||
      held?.problem ||
      machine.findings.length > 0 ||
      (state === 'free' && machine.reason),
  );
  if (odd.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="attention-title">
      <div className="panel-head">
        <h2 id="attention-title">Needs attention</h2>
        <span className="small soft">{odd.length}</span>
      </div>
      <ul className="lines">
        {odd.slice(0, MOST).map(({ name, state, held, machine }) => (
          <li key={name} className="stack-sm">
            <div className="row-line">
              <Icon name={lookOf(state).icon} />
              <Link className="row-link" to={`/machines/${encodeURIComponent(name)}`}>
                {name}
              </Link>
              <span className="small soft">{lookOf(state).word}</span>
            </div>
            <div className="small soft">
              {held?.problem ?? reasonOf(machine) ?? machine.findings[0]?.words}
              {held?.problem && held.next_try_at !== null && (
                <div>
                  Next try <Ago at={held.next_try_at} />
                </div>
              )}
              {machine.mend && !held?.problem && <div>{machine.mend}</div>}
            </div>
          </li>
        ))}
        {odd.length > MOST && (
          <li>
            <Link to="/machines?state=attention">All {odd.length}</Link>
          </li>
        )}
      </ul>
    </section>
  );
}
