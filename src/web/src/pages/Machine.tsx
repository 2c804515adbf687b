import { Link, useNavigate, useParams } from 'react-router';
import { Empty } from '../components/Empty.tsx';
import { Loaded } from '../components/Loaded.tsx';
import { Page } from '../components/Page.tsx';
import { State } from '../components/State.tsx';
import { MachineHistory } from '../features/audit/MachineHistory.tsx';
import { SubjectHistory } from '../features/audit/SubjectHistory.tsx';
import { Findings, Holder, MachineDetails } from '../features/machines/MachineDetails.tsx';
import { MachineButtons } from '../features/machines/MachineMenu.tsx';
import { useHeldMachines, useMachine } from '../lib/queries.ts';
import { useMe } from '../lib/session.ts';
import { standingOf } from '../lib/standings.ts';

export default function MachinePage() {
  const { name = '' } = useParams();
  const { user, isAdmin } = useMe();
  const navigate = useNavigate();
  const query = useMachine(name);
  const held = useHeldMachines(false);
  const standing = query.data && standingOf(query.data, held.data ?? []);
  return (
    <Page
      title={name}
      back={{ to: '/machines', label: 'Machines' }}
      heading={
        <span className="row-line">
          {name}
          {standing && <State state={standing.state} />}
        </span>
      }
      actions={
        isAdmin && query.data && <MachineButtons machine={query.data} onDeleted={() => void navigate('/machines')} />
      }
    >
      <Loaded query={query} skeleton={<span className="skeleton skeleton-card" />} missing={<Missing />}>
        {(machine) => (
          <div className="columns">
            <div className="stack">
              {standing && (
                <Findings
                  machine={machine}
                  problem={standing.held?.problem ?? null}
                  nextTry={standing.held?.next_try_at ?? null}
                />
              )}
              {standing && <Holder standing={standing} mine={standing.held?.holder === user} isAdmin={isAdmin} />}
              <MachineDetails machine={machine} />
            </div>
            <div className="stack">{isAdmin ? <SubjectHistory subject={name} /> : <MachineHistory name={name} />}</div>
          </div>
        )}
      </Loaded>
    </Page>
  );
}

function Missing() {
  return (
    <div className="panel">
      <Empty
        icon="search"
        title="There is no such machine"
        actions={
          <Link className="btn btn-plain" to="/machines">
            To the machines
          </Link>
        }
      >
        It was deleted, or the address is mistyped.
      </Empty>
    </div>
  );
}
