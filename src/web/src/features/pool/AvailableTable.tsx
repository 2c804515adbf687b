import { Link } from 'react-router';
import { State } from '../../components/State.tsx';
import { Moment } from '../../components/Time.tsx';
import { VirtualRows } from '../../components/VirtualRows.tsx';
import { reasonOf, type Standing } from '../../lib/standings.ts';

/** Who has what, until when. */
export function AvailableTable({ standings }: { standings: readonly Standing[] }) {
  return (
    <div className="panel" role="table" aria-label="Machines" aria-rowcount={standings.length + 1}>
      <div role="rowgroup">
        <div role="row" aria-rowindex={1} className="grid-head cols-available">
          <span role="columnheader">Machine</span>
          <span role="columnheader">State</span>
          <span role="columnheader">Held by</span>
          <span role="columnheader">Until</span>
        </div>
      </div>
      <VirtualRows rows={standings} keyOf={({ name }) => name} className="cols-available">
        {(one) => <Row one={one} />}
      </VirtualRows>
    </div>
  );
}

function Row({ one: { name, state, machine, held } }: { one: Standing }) {
  const holder = held?.holder ?? machine.reserved_by;
  const until = held?.reserved_until ?? machine.reserved_until;
  const over = state === 'cleaning';
  const reason = held?.problem ?? (holder === null ? reasonOf(machine) : null);
  return (
    <>
      <span role="cell" className="truncate">
        <Link className="row-link" to={`/machines/${encodeURIComponent(name)}`}>
          {name}
        </Link>
        <span className="phone-only small soft truncate">
          {holder ?? reason}
          {holder !== null && until !== null && !over && (
            <>
              , until <Moment at={until} />
            </>
          )}
        </span>
      </span>
      <span role="cell">
        <State state={state} />
      </span>
      <span role="cell" className={`wide-only truncate ${holder === null ? 'soft' : ''}`} title={reason ?? undefined}>
        {holder ?? reason}
      </span>
      <span role="cell" className="wide-only soft truncate" title={reason ?? undefined}>
        {holder !== null && (reason ?? (until !== null && !over && <Moment at={until} />))}
      </span>
    </>
  );
}
