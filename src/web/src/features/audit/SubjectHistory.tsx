import { Link } from 'react-router';
import { Loaded } from '../../components/Loaded.tsx';
import { Ago } from '../../components/Time.tsx';
import { useAudit } from '../../lib/queries.ts';
import { actionWords, detailText } from './words.ts';

/** What the audit log has about one thing, for admins. */
export function SubjectHistory({ subject }: { subject: string }) {
  const query = useAudit({ subject }, 20);
  return (
    <section className="panel" aria-labelledby="history">
      <div className="panel-head">
        <h2 id="history">Audit log</h2>
        <Link className="small" to={`/audit?subject=${encodeURIComponent(subject)}`}>
          All of it
        </Link>
      </div>
      <Loaded
        query={query}
        skeleton={
          <div className="panel-body">
            <span className="skeleton skeleton-full" />
          </div>
        }
      >
        {({ entries }) =>
          entries.length === 0 ? (
            <p className="panel-body soft">Nothing yet.</p>
          ) : (
            <ul className="lines history">
              {entries.map(({ id, at, actor, action, details }) => (
                <li key={id}>
                  <div className="row-line spread">
                    <span>
                      {capital(actionWords(action).words)} <span className="soft">by {actor}</span>
                    </span>
                    <span className="small soft">
                      <Ago at={at} />
                    </span>
                  </div>
                  <div className="small soft truncate" title={detailText(details)}>
                    {detailText(details)}
                  </div>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  );
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
