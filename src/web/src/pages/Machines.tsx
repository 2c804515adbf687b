import { useDeferredValue, useMemo, useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import { Button } from '../components/Button.tsx';
import { Empty } from '../components/Empty.tsx';
import { Loaded, SkeletonRows } from '../components/Loaded.tsx';
import { Page } from '../components/Page.tsx';
import { BulkBar } from '../features/machines/BulkBar.tsx';
import { filtered, type Order, readFilter, sorted } from '../features/machines/filter.ts';
import { MachineFilters } from '../features/machines/MachineFilters.tsx';
import { MachineTable } from '../features/machines/MachineTable.tsx';
import { RegisterDialog } from '../features/machines/RegisterDialog.tsx';
import { useMe } from '../lib/session.ts';
import { type Standing, useStandings } from '../lib/standings.ts';

export default function Machines() {
  const { isAdmin } = useMe();
  const navigate = useNavigate();
  const [search, setSearch] = useSearchParams();
  const pool = useStandings();
  const adding = search.get('add');
  const add = (way: 'one' | 'file' | null): void =>
    setSearch(
      (before) => {
        if (way === null) before.delete('add');
        else before.set('add', way);
        return before;
      },
      { replace: true },
    );
  return (
    <Page
      title="Machines"
      wide
      actions={
        isAdmin && (
          <Button look="primary" icon="plus-lg" onClick={() => add('one')}>
            Register machines
          </Button>
        )
      }
    >
      <Loaded query={pool} skeleton={<SkeletonRows rows={8} />}>
        {(standings) =>
          standings.length === 0 ? (
            <NoMachines isAdmin={isAdmin} onAdd={add} />
          ) : (
            <List standings={standings} isAdmin={isAdmin} />
          )
        }
      </Loaded>
      {adding !== null && isAdmin && (
        <RegisterDialog
          first={adding === 'file' ? 'file' : 'one'}
          known={new Set(pool.data?.map(({ name }) => name))}
          onClose={() => add(null)}
          onRegistered={(name) => void navigate(`/machines/${encodeURIComponent(name)}`)}
        />
      )}
    </Page>
  );
}

function List({ standings, isAdmin }: { standings: readonly Standing[]; isAdmin: boolean }) {
  const [search, setSearch] = useSearchParams();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const filter = useMemo(() => readFilter(search), [search]);
  // Typing comes first; thousands of rows may follow a moment later.
  const applied = useDeferredValue(filter);
  // Sorting takes longest and is not done again for each letter.
  const { order, down } = applied;
  const inOrder = useMemo(() => sorted(standings, order, down), [standings, order, down]);
  const shown = useMemo(() => filtered(inOrder, applied), [inOrder, applied]);
  // What was filtered away or deleted meanwhile is not acted on unseen.
  const names = useMemo(() => shown.filter(({ name }) => chosen.has(name)).map(({ name }) => name), [shown, chosen]);

  const change = (key: string, value: string | null): void =>
    setSearch(
      (before) => {
        if (value === null || value === '') before.delete(key);
        else before.set(key, value);
        return before;
      },
      { replace: true },
    );
  const sort = (order: Order): void => {
    change('down', filter.order === order && !filter.down ? '1' : null);
    change('sort', order === 'name' ? null : order);
  };

  return (
    <>
      <MachineFilters standings={standings} shown={shown.length} filter={filter} onChange={change} />
      {isAdmin && names.length > 0 && <BulkBar names={names} onClear={() => setChosen(new Set())} />}
      {shown.length === 0 ? (
        <div className="panel">
          <Empty
            icon="search"
            title="No machine fits"
            actions={<Button onClick={() => setSearch({}, { replace: true })}>Clear the search</Button>}
          >
            Try fewer words, another state or another label.
          </Empty>
        </div>
      ) : (
        <MachineTable
          standings={shown}
          filter={filter}
          onSort={sort}
          chosen={chosen}
          onChoose={setChosen}
          isAdmin={isAdmin}
        />
      )}
    </>
  );
}

function NoMachines({ isAdmin, onAdd }: { isAdmin: boolean; onAdd: (way: 'one' | 'file') => void }) {
  return (
    <div className="panel">
      <Empty
        icon="hdd-stack"
        title="There are no machines yet"
        actions={
          isAdmin && (
            <>
              <Button look="primary" onClick={() => onAdd('one')}>
                Register a machine
              </Button>
              <Button icon="upload" onClick={() => onAdd('file')}>
                From machines.yml
              </Button>
            </>
          )
        }
      >
        {isAdmin
          ? 'Anything with an SSH server and a root login, or one with passwordless sudo. Nothing has to be installed on it.'
          : 'An admin has to register some before they can be reserved.'}
      </Empty>
    </div>
  );
}
