import { Link, useSearchParams } from 'react-router';
import { Empty } from '../components/Empty.tsx';
import { Icon } from '../components/Icon.tsx';
import { Loaded } from '../components/Loaded.tsx';
import { Page } from '../components/Page.tsx';
import { HeldList } from '../features/reservations/HeldList.tsx';
import { PastList } from '../features/reservations/PastList.tsx';
import { ReleaseAll } from '../features/reservations/ReleaseAll.tsx';
import { ReserveForm } from '../features/reservations/ReserveForm.tsx';
import { useHeldMachines } from '../lib/queries.ts';
import { gathered } from '../lib/reservations.ts';
import { useMe } from '../lib/session.ts';
import { useStandings } from '../lib/standings.ts';

export default function Reservations() {
  const { user, isAdmin } = useMe();
  const [search] = useSearchParams();
  if (search.has('new')) return <Reserve />;
  return <List user={user} isAdmin={isAdmin} />;
}

function Reserve() {
  const standings = useStandings();
  return (
    <Page title="Reserve machines" back={{ to: '/reservations', label: 'Reservations' }}>
      <div className="narrow">
        <Loaded query={standings} skeleton={<span className="skeleton skeleton-card" />}>
          {(all) => (all.length > 0 ? <ReserveForm standings={all} /> : <NothingToReserve />)}
        </Loaded>
      </div>
    </Page>
  );
}

function NothingToReserve() {
  const { isAdmin } = useMe();
  return (
    <div className="panel">
      <Empty
        icon="hdd-stack"
        title="There are no machines yet"
        actions={
          isAdmin && (
            <Link className="btn btn-primary" to="/machines?add=one">
              Register a machine
            </Link>
          )
        }
      >
        {isAdmin ? 'Register some, then they can be reserved here.' : 'An admin has to register some first.'}
      </Empty>
    </div>
  );
}

function List({ user, isAdmin }: { user: string; isAdmin: boolean }) {
  const held = useHeldMachines(false);
  const all = gathered(held.data ?? []);
  const mine = all.filter(({ holder }) => holder === user);
  const others = all.filter(({ holder }) => holder !== user);
  return (
    <Page
      title="Reservations"
      actions={
        <>
          {isAdmin && all.length > 0 && (
            <ReleaseAll count={all.length} holders={new Set(all.map(({ holder }) => holder)).size} />
          )}
          <Link className="btn btn-primary" to="/reservations?new=1">
            <Icon name="plus-lg" />
            Reserve machines
          </Link>
        </>
      }
    >
      <Loaded query={held} skeleton={<span className="skeleton skeleton-card" />}>
        {() => (
          <>
            <section className="stack" aria-labelledby="mine">
              <h2 id="mine">Mine</h2>
              {mine.length > 0 ? (
                <HeldList reservations={mine} />
              ) : (
                <div className="panel">
                  <Empty icon="calendar2-check" title="You hold no machines">
                    What you reserve is shown here with the time that is left.
                  </Empty>
                </div>
              )}
            </section>
            {isAdmin && others.length > 0 && (
              <section className="stack" aria-labelledby="others">
                <h2 id="others">Of others</h2>
                <HeldList reservations={others} withHolder />
              </section>
            )}
            <section className="stack" aria-labelledby="past">
              <h2 id="past">Past</h2>
              <PastList mine={!isAdmin} />
            </section>
          </>
        )}
      </Loaded>
    </Page>
  );
}
