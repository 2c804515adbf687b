import { Icon } from '../../components/Icon.tsx';
import { lookOf } from '../../components/State.tsx';
import type { Reservation } from '../../lib/queries.ts';

/** How far the accounts are, machine by machine. */
export function Progress({ reservation: { machines } }: { reservation: Reservation }) {
  const done = machines.filter(({ state }) => state === 'active').length;
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
        {machines.map(({ machine, state, problem }) => (
          <li key={machine} className="row-line spread">
            <span className="row-line">
              <Icon
                name={state === 'preparing' ? 'arrow-repeat' : lookOf(state).icon}
                className={state === 'preparing' ? 'spin' : ''}
              />
              {machine}
            </span>
            <span className="small soft">{problem ?? lookOf(state).word}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
