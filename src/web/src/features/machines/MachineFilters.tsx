import { useMemo } from 'react';
import { SearchField } from '../../components/SearchField.tsx';
import { lookOf } from '../../components/State.tsx';
import { countByState, type Standing } from '../../lib/standings.ts';
import { type Filter, needsAttention } from './filter.ts';

/** Search, state and label; each change is handed on as a part of the page's address. */
export function MachineFilters({
  standings,
  shown,
  filter,
  onChange,
}: {
  standings: readonly Standing[];
  /** How many of them fit. */
  shown: number;
  filter: Filter;
  onChange: (key: 'q' | 'state' | 'label', value: string) => void;
}) {
  const { states, labels, attention } = useMemo(
    () => ({
      states: Object.entries(countByState(standings)).filter(([, count]) => count > 0),
      labels: [...new Set(standings.flatMap(({ machine }) => machine.labels))].sort(),
      attention: standings.filter(needsAttention).length,
    }),
    [standings],
  );
  return (
    <div className="filters">
      <SearchField label="Search for machines" value={filter.text} onChange={(text) => onChange('q', text)} />
      <select
        className="form-select"
        aria-label="State"
        value={filter.state}
        onChange={(event) => onChange('state', event.target.value)}
      >
        <option value="">Any state</option>
        {(attention > 0 || filter.state === 'attention') && (
          <option value="attention">Needs attention ({attention})</option>
        )}
        {states.map(([state, count]) => (
          <option key={state} value={state}>
            {lookOf(state).word} ({count})
          </option>
        ))}
        {filter.state !== '' && filter.state !== 'attention' && !states.some(([state]) => state === filter.state) && (
          <option value={filter.state}>{lookOf(filter.state).word} (0)</option>
        )}
      </select>
      {(labels.length > 0 || filter.label !== '') && (
        <select
          className="form-select"
          aria-label="Label"
          value={filter.label}
          onChange={(event) => onChange('label', event.target.value)}
        >
          <option value="">Any label</option>
          {labels.map((label) => (
            <option key={label}>{label}</option>
          ))}
        </select>
      )}
      <span className="small soft num count" role="status">
        {shown === standings.length ? `${shown} machines` : `${shown} of ${standings.length} machines`}
      </span>
    </div>
  );
}
