import { Link } from 'react-router';
import { Empty } from '../components/Empty.tsx';
import { Icon } from '../components/Icon.tsx';
import { Loaded } from '../components/Loaded.tsx';
import { Page } from '../components/Page.tsx';
import { Attention } from '../features/pool/Attention.tsx';
import { PoolGauge } from '../features/pool/PoolGauge.tsx';
import { HeldList } from '../features/reservations/HeldList.tsx';
import { useHeldMachines } from '../lib/queries.ts';
import { gathered } from '../lib/reservations.ts';
import { useMe } from '../lib/session.ts';
import { type Standing, useStandings } from '../lib/standings.ts';

export function Dashboard() {
  const { isAdmin } = useMe();
  const mine = useHeldMachines(true);
  const pool = useStandings();
  return (
    <Page
      title="Dashboard"
      actions={
        pool.data?.length !== 0 && (
          <Link className="btn btn-primary" to="/reservations?new=1">
            <Icon name="plus-lg" />
            Reserve machines
          </Link>
        )
      }
    >
      <div className="columns">
        <section className="stack" aria-labelledby="mine-title">
          <h2 id="mine-title">My reservations</h2>
          <Loaded query={mine} skeleton={<span className="skeleton skeleton-card" />}>
            {(data) =>
              data.length > 0 ? (
                <HeldList reservations={gathered(data)} />
              ) : (
                <FirstSteps standings={pool.data} isAdmin={isAdmin} />
              )
            }
          </Loaded>
        </section>
        <div className="stack-lg">
          <Loaded query={pool} skeleton={<span className="skeleton skeleton-card" />}>
            {(standings) =>
              standings.length > 0 && (
                <>
                  <PoolGauge standings={standings} />
                  {isAdmin && <Attention standings={standings} />}
                </>
              )
            }
          </Loaded>
        </div>
      </div>
    </Page>
  );
}

/** Nothing is reserved: what comes first depends on whether there is anything to reserve. */
function FirstSteps({ standings, isAdmin }: { standings: readonly Standing[] | undefined; isAdmin: boolean }) {
  const none = standings !== undefined && standings.length === 0;
  if (none && isAdmin) {
    return (
      <div className="panel">
        <ol className="steps">
          <li>
            <div className="stack-sm">
              <h3>Register machines</h3>
              <p className="soft">Anything with an SSH server and a root login, or one with passwordless sudo.</p>
              <div>
                <Link className="btn btn-primary btn-sm" to="/machines?add=one">
                  Register a machine
                </Link>
              </div>
            </div>
          </li>
          <li>
            <div className="stack-sm">
              <h3>Reserve some of them</h3>
              <p className="soft">Berth makes an account on each and shows you how to connect.</p>
            </div>
          </li>
          <li>
            <div className="stack-sm">
              <h3>Invite your team</h3>
              <p className="soft">
                <Link to="/users">Add users</Link>, who can reserve machines and see who has what.
              </p>
            </div>
          </li>
        </ol>
      </div>
    );
  }
  return (
    <div className="panel">
      {none ? (
        <Empty icon="hdd-stack" title="There are no machines yet">
          An admin has to register some before you can reserve them.
        </Empty>
      ) : (
        <Empty
          icon="calendar2-check"
          title="You have no machines right now"
          actions={
            <Link className="btn btn-plain" to="/reservations?new=1">
              Reserve machines
            </Link>
          }
        >
          Reserve some and they appear here with the time that is left.
        </Empty>
      )}
    </div>
  );
}
