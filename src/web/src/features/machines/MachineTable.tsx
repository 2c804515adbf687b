import { type Dispatch, memo, type SetStateAction, useCallback } from 'react';
import { Link } from 'react-router';
import { Icon } from '../../components/Icon.tsx';
import { State } from '../../components/State.tsx';
import { Ago, Moment } from '../../components/Time.tsx';
import { VirtualRows } from '../../components/VirtualRows.tsx';
import { addressOf, reasonOf, type Standing } from '../../lib/standings.ts';
import type { Filter, Order } from './filter.ts';
import { MachineMenu } from './MachineMenu.tsx';

const LABELS_SHOWN = 2;

/** The machines that were found. Admins choose some of them and act on each. */
export function MachineTable({
  standings,
  filter,
  onSort,
  chosen,
  onChoose,
  isAdmin,
}: {
  standings: readonly Standing[];
  filter: Filter;
  onSort: (order: Order) => void;
  chosen: ReadonlySet<string>;
  onChoose: Dispatch<SetStateAction<ReadonlySet<string>>>;
  isAdmin: boolean;
}) {
  const columns = isAdmin ? 'cols-machines' : 'cols-machines reader';
  const all = standings.length > 0 && standings.every(({ name }) => chosen.has(name));
  const head = { filter, onSort };
  const toggle = useCallback(
    (name: string): void =>
      onChoose((before) => {
        const next = new Set(before);
        if (!next.delete(name)) next.add(name);
        return next;
      }),
    [onChoose],
  );
  return (
    <div className="panel" role="table" aria-label="Machines" aria-rowcount={standings.length + 1}>
      <div role="rowgroup">
        <div role="row" aria-rowindex={1} className={`grid-head ${columns}`}>
          {isAdmin && (
            <span role="columnheader">
              <input
                type="checkbox"
                className="form-check-input"
                aria-label="Choose all that are listed"
                checked={all}
                ref={(box) => {
                  if (box) box.indeterminate = !all && chosen.size > 0;
                }}
                onChange={() => onChoose(all ? new Set() : new Set(standings.map(({ name }) => name)))}
              />
            </span>
          )}
          <Head order="name" label="Name" {...head} />
          <Head order="state" label="State" {...head} />
          <Head order="until" label="Now" {...head} />
          {isAdmin && <span role="columnheader">Address</span>}
          <span role="columnheader">Labels</span>
          <span role="columnheader">
            <span className="visually-hidden">Actions</span>
          </span>
        </div>
      </div>
      <VirtualRows rows={standings} keyOf={({ name }) => name} className={columns}>
        {(one) => <Row one={one} isAdmin={isAdmin} chosen={chosen.has(one.name)} onToggle={toggle} />}
      </VirtualRows>
    </div>
  );
}

function Head({
  order,
  label,
  filter,
  onSort,
}: {
  order: Order;
  label: string;
  filter: Filter;
  onSort: (order: Order) => void;
}) {
  const active = filter.order === order;
  return (
    <span role="columnheader" aria-sort={active ? (filter.down ? 'descending' : 'ascending') : 'none'}>
      <button type="button" onClick={() => onSort(order)}>
        {label}
        {active && <Icon name={filter.down ? 'sort-down' : 'sort-up'} />}
      </button>
    </span>
  );
}

/** Rows that did not change are not drawn again while others scroll by. */
const Row = memo(function Row({
  one,
  isAdmin,
  chosen,
  onToggle,
}: {
  one: Standing;
  isAdmin: boolean;
  chosen: boolean;
  onToggle: (name: string) => void;
}) {
  const { name, state, machine, held } = one;
  const reason = held?.problem ?? reasonOf(machine);
  return (
    <>
      {isAdmin && (
        <span role="cell">
          <input
            type="checkbox"
            className="form-check-input"
            aria-label={`Choose ${name}`}
            checked={chosen}
            onChange={() => onToggle(name)}
          />
        </span>
      )}
      <span role="cell" className="truncate">
        <Link className="row-link" to={`/machines/${encodeURIComponent(name)}`}>
          {name}
        </Link>
        <span className="phone-only small soft truncate">{machine.reserved_by ?? machine.labels.join(', ')}</span>
      </span>
      <span role="cell" title={reason ?? undefined}>
        <State state={state} />
      </span>
      <span role="cell" className="wide-only truncate">
        {machine.reserved_by !== null ? (
          <>
            {machine.reserved_by}{' '}
            {machine.reserved_until !== null && state !== 'cleaning' && (
              <span className="soft small">
                until <Moment at={machine.reserved_until} />
              </span>
            )}
          </>
        ) : (
          <span className="soft small" title={reason ?? undefined}>
            {reason ?? (machine.probed_at && <Looked at={machine.probed_at} />)}
          </span>
        )}
      </span>
      {isAdmin && (
        <span role="cell" className="wide-only truncate mono soft">
          {addressOf(machine)}
        </span>
      )}
      <span role="cell" className="wide-only row-line tight label-cell">
        {machine.labels.slice(0, LABELS_SHOWN).map((label) => (
          <span key={label} className="tag">
            {label}
          </span>
        ))}
        {machine.labels.length > LABELS_SHOWN && (
          <span className="small soft" title={machine.labels.slice(LABELS_SHOWN).join(', ')}>
            +{machine.labels.length - LABELS_SHOWN}
          </span>
        )}
      </span>
      <span role="cell" className="grid-end">
        {isAdmin ? (
          <MachineMenu machine={machine} />
        ) : (
          <Link
            className="btn btn-quiet btn-sm btn-icon"
            to={`/machines/${encodeURIComponent(name)}`}
            aria-label={`Details of ${name}`}
          >
            <Icon name="chevron-right" />
          </Link>
        )}
      </span>
    </>
  );
});

function Looked({ at }: { at: string }) {
  return (
    <>
      checked <Ago at={at} />
    </>
  );
}
