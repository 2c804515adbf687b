import { Link } from 'react-router';
import { Button } from '../../components/Button.tsx';
import { Loaded, SkeletonRows } from '../../components/Loaded.tsx';
import { State } from '../../components/State.tsx';
import { Ago } from '../../components/Time.tsx';
import { type HeldMachine, useEndedReservations } from '../../lib/queries.ts';
import { duration } from '../../lib/time.ts';
import { EndReason } from './EndReason.tsx';

const NAMES_SHOWN = 3;

/** Reservations that are over, newest first. */
export function PastList({ mine }: { mine: boolean }) {
  const query = useEndedReservations(mine);
  return (
    <Loaded query={query} skeleton={<SkeletonRows rows={3} />}>
      {({ pages }) => {
        const past = [
          ...Map.groupBy(
            pages.flatMap((page) => page.reservations),
            (one) => one.reservation_id,
          ).values(),
        ];
        if (past.length === 0) return <p className="soft">None yet.</p>;
        return (
          <div className="stack">
            <div className="panel" role="table" aria-label="Past reservations">
              <div role="rowgroup">
                <div role="row" className="grid-head cols-past">
                  <span role="columnheader">Machines</span>
                  <span role="columnheader">State</span>
                  <span role="columnheader">Holder</span>
                  <span role="columnheader">Why it ended</span>
                  <span role="columnheader">When</span>
                </div>
              </div>
              <div role="rowgroup">
                {past.map((machines) => (
                  <PastRow key={machines[0]?.reservation_id} machines={machines} />
                ))}
              </div>
            </div>
            {query.hasNextPage && (
              <div>
                <Button busy={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
                  Show more
                </Button>
              </div>
            )}
          </div>
        );
      }}
    </Loaded>
  );
}

function PastRow({ machines }: { machines: readonly HeldMachine[] }) {
  const [first] = machines;
  if (!first) return null;
  const names = machines.map(({ machine }) => machine);
  const failed = first.end_reason === 'preparation_failed';
  const held =
    first.ended_at === null ? null : new Date(first.ended_at).getTime() - new Date(first.created_at).getTime();
  return (
    <div role="row" className="grid-row cols-past">
      <span role="cell" className="truncate" title={names.join(', ')}>
        <Link className="row-link" to={`/reservations/${first.reservation_id}`}>
          {names.slice(0, NAMES_SHOWN).join(', ')}
          {names.length > NAMES_SHOWN && ` and ${names.length - NAMES_SHOWN} more`}
        </Link>
        <span className="phone-only small soft truncate">{first.holder}</span>
      </span>
      <span role="cell">
        <State state={failed ? 'failed' : 'ended'} />
      </span>
      <span role="cell" className="wide-only truncate">
        {first.holder}
      </span>
      <span role="cell" className="wide-only soft truncate">
        <EndReason reason={first.end_reason} />
      </span>
      <span role="cell" className="wide-only soft">
        {first.ended_at !== null && <Ago at={first.ended_at} />}
        {held !== null && <span className="small">, after {duration(held)}</span>}
      </span>
    </div>
  );
}
