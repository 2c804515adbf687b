import { useMemo, useState } from 'react';
import { Link } from 'react-router';
import { Empty } from '../components/Empty.tsx';
import { Icon } from '../components/Icon.tsx';
import { Loaded, SkeletonRows } from '../components/Loaded.tsx';
import { Page } from '../components/Page.tsx';
import { SearchField } from '../components/SearchField.tsx';
import { AvailableTable } from '../features/pool/AvailableTable.tsx';
import { useMe } from '../lib/session.ts';
import { countByState, type Standing, useStandings } from '../lib/standings.ts';

type Part = 'all' | 'free' | 'held' | 'cleaning' | 'off';
const PARTS: readonly { part: Part; label: string; has: (state: Standing['state']) => boolean }[] = [
  { part: 'all', label: 'All', has: () => true },
  { part: 'free', label: 'Free', has: (state) => state === 'free' },
  { part: 'held', label: 'Reserved', has: (state) => state === 'reserved' || state === 'preparing' },
  { part: 'cleaning', label: 'Cleaning', has: (state) => state === 'cleaning' },
  {
    part: 'off',
    label: 'Not available',
    has: (state) => !['free', 'reserved', 'preparing', 'cleaning'].includes(state),
  },
];

/** Who has what, until when. */
export default function Available() {
  const pool = useStandings();
  return (
    <Page
      title="Available"
      lead={pool.data && pool.data.length > 0 && sentence(pool.data)}
      actions={
        pool.data?.length !== 0 && (
          <Link className="btn btn-primary" to="/reservations?new=1">
            <Icon name="plus-lg" />
            Reserve machines
          </Link>
        )
      }
    >
      <Loaded query={pool} skeleton={<SkeletonRows />}>
        {(standings) => (standings.length === 0 ? <NoMachines /> : <Pool standings={standings} />)}
      </Loaded>
    </Page>
  );
}

function Pool({ standings }: { standings: readonly Standing[] }) {
  const [part, setPart] = useState<Part>('all');
  const [text, setText] = useState('');
  const shown = useMemo(() => {
    const has = PARTS.find((one) => one.part === part)?.has ?? (() => true);
    const letters = text.trim().toLowerCase();
    return standings.filter(
      ({ state, name, machine }) =>
        has(state) && (letters === '' || `${name} ${machine.reserved_by ?? ''}`.toLowerCase().includes(letters)),
    );
  }, [standings, part, text]);
  return (
    <>
      <div className="filters">
        <SearchField label="Search for a machine or a holder" value={text} onChange={setText} />
        <fieldset className="chips">
          <legend className="visually-hidden">Which machines</legend>
          {PARTS.map(({ part: one, label, has }) => (
            <label key={one} className="chip">
              <input type="radio" name="part" checked={part === one} onChange={() => setPart(one)} />
              {label} <span className="soft num">{standings.filter(({ state }) => has(state)).length}</span>
            </label>
          ))}
        </fieldset>
      </div>
      {shown.length > 0 ? (
        <AvailableTable standings={shown} />
      ) : (
        <div className="panel">
          <Empty icon="search" title="No machine fits">
            Choose another part of the pool or fewer letters.
          </Empty>
        </div>
      )}
    </>
  );
}

function NoMachines() {
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
        As soon as {isAdmin ? 'some are' : 'an admin has'} registered{isAdmin ? '' : ' some'}, you see here who has
        which one and until when.
      </Empty>
    </div>
  );
}

function sentence(standings: readonly Standing[]): string {
  const { free, reserved, preparing, cleaning } = countByState(standings);
  return `${free} of ${standings.length} free, ${reserved + preparing} reserved, ${cleaning} being cleaned.`;
}
