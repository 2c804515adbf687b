import { Icon } from '../../components/Icon.tsx';
import { lookOf } from '../../components/State.tsx';
import type { Reservation } from '../../lib/queries.ts';

/** How far the accounts are, machine by machine. */
export function Progress({ reservation: { machines, swapped = [] } }: { reservation: Reservation }) {
  const done = machines.filter((one) => one.prepared_at !== null).length;
  return (
    <section className="panel" aria-labelledby="progress">
      <div className="panel-body stack">
        <div className="row-line spread">
          <h2 id="progress">Making your accounts</h2>
          <span className="soft num" role="status">
            {done} of {machines.length}
          </span>
        </div>
        <svg className="progress-line" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
          <rect width={machines.length === 0 ? 0 : (done / machines.length) * 100} height={1} />
        </svg>
      </div>
      <ul className="lines scroll-lines">
        {machines.map(({ machine, state, prepared_at: prepared, problem }) => {
          const working = state === 'preparing' && prepared === null;
          return (
            <li key={machine} className="row-line spread">
              <span className="row-line">
                <Icon
                  name={working ? 'arrow-repeat' : prepared === null ? lookOf(state).icon : 'check-circle'}
                  className={working ? 'spin' : ''}
                />
                {machine}
              </span>
              <span className="small soft">{problem ?? (prepared === null ? lookOf(state).word : 'Account made')}</span>
            </li>
          );
        })}
        {swapped.map(({ at, machine, reason }) => (
          <li key={`${machine} ${at}`} className="row-line spread">
            <span className="row-line">
              <Icon name="x-circle" />
              {machine}
            </span>
            <span className="small soft">swapped for another: {reason}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
