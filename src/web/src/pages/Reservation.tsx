import { Link, useParams } from 'react-router';
import { Empty } from '../components/Empty.tsx';
import { Icon } from '../components/Icon.tsx';
import { Loaded } from '../components/Loaded.tsx';
import { Page } from '../components/Page.tsx';
import { SubjectHistory } from '../features/audit/SubjectHistory.tsx';
import { ExtendMenu } from '../features/reservations/ExtendMenu.tsx';
import { ReleaseButton } from '../features/reservations/ReleaseButton.tsx';
import { ReservationView } from '../features/reservations/ReservationView.tsx';
import { TERMINALS_OFF, useProfile, useReservation } from '../lib/queries.ts';
import { useMe } from '../lib/session.ts';

export default function ReservationPage() {
  const { id = '' } = useParams();
  const query = useReservation(id);
  const found = query.data;
  const names = found?.machines.map(({ machine }) => machine) ?? [];
  const title = titleOf(names);
  const { user, isAdmin } = useMe();
  // A terminal is for the holder alone, and may be switched off.
  const terminals = useProfile().data?.terminal;
  const mine = found?.holder === user;
  return (
    <Page
      title={title}
      back={{ to: '/reservations', label: 'Reservations' }}
      actions={
        found &&
        (found.state === 'active' || found.state === 'preparing') && (
          <>
            <ExtendMenu id={id} until={found.reserved_until} disabled={found.state !== 'active'} />
            <ReleaseButton id={id} machines={names} disabled={false} />
          </>
        )
      }
    >
      <Loaded query={query} skeleton={<span className="skeleton skeleton-card" />} missing={<Missing />}>
        {(reservation) => (
          <ReservationView
            reservation={reservation}
            terminal={(machine) => mine && terminals === true && <OpenTerminal id={id} machine={machine} />}
            note={
              mine &&
              terminals === false &&
              reservation.state === 'active' && <p className="small soft">{TERMINALS_OFF} Connect with ssh instead.</p>
            }
            history={isAdmin && <SubjectHistory subject={id} />}
          />
        )}
      </Loaded>
    </Page>
  );
}

function OpenTerminal({ id, machine }: { id: string; machine: string }) {
  return (
    <Link className="btn btn-plain btn-sm" to={`/reservations/${id}/terminal/${encodeURIComponent(machine)}`}>
      <Icon name="terminal" />
      Open terminal
    </Link>
  );
}

function titleOf(names: readonly string[]): string {
  const [first] = names;
  if (first === undefined) return 'Reservation';
  return names.length === 1 ? first : `${names.length} machines`;
}

function Missing() {
  return (
    <div className="panel">
      <Empty
        icon="search"
        title="There is no such reservation"
        actions={
          <Link className="btn btn-plain" to="/reservations">
            To the reservations
          </Link>
        }
      >
        It may belong to somebody else, or the address is mistyped.
      </Empty>
    </div>
  );
}
