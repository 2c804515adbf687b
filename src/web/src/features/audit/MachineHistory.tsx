import { Loaded } from '../../components/Loaded.tsx';
import { Ago } from '../../components/Time.tsx';
import { useMachineHistory } from '../../lib/queries.ts';
import { actionWords } from './words.ts';

/** What happened to a machine, as everybody may see it. */
export function MachineHistory({ name }: { name: string }) {
  const query = useMachineHistory(name);
  return (
    <section className="panel" aria-labelledby="machine-history">
      <div className="panel-head">
        <h2 id="machine-history">History</h2>
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
              {entries.map(({ at, action, actor, username, reason }) => (
                <li key={`${at} ${action} ${username}`}>
                  <div className="row-line spread">
                    <span>
                      {sentence(action)} <span className="soft">{username ?? actor}</span>
                    </span>
                    <span className="small soft">
                      <Ago at={at} />
                    </span>
                  </div>
                  {reason !== null && <div className="small soft">{reason}</div>}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  );
}

/** "Reservation made", "Cleaned". */
function sentence(action: string): string {
  const { kind, words } = actionWords(action);
  const text = kind === 'machine' ? words : `${kind} ${words}`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
