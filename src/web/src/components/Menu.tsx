import { useEffect, useRef, useState } from 'react';
import Dropdown from 'react-bootstrap/Dropdown';
import { Icon } from './Icon.tsx';
import type { IconName } from './icon-names.ts';

export interface MenuEntry {
  readonly label: string;
  readonly icon: IconName;
  readonly run: () => void;
  readonly danger?: boolean;
  readonly disabled?: boolean;
}

/** The three dots at the end of a row; `of` names the row for screen readers. */
export function Menu({ of, entries }: { of: string; entries: readonly MenuEntry[] }) {
  // A long list has many of these: a plain button stands in until one is used.
  const [used, setUsed] = useState(false);
  const look = { className: 'btn btn-quiet btn-sm btn-icon', 'aria-label': `Actions for ${of}` };
  if (used) return <OpenedMenu look={look} entries={entries} />;
  return (
    <button type="button" {...look} aria-haspopup="true" aria-expanded="false" onClick={() => setUsed(true)}>
      <Icon name="three-dots" />
    </button>
  );
}

function OpenedMenu({ look, entries }: { look: object; entries: readonly MenuEntry[] }) {
  const toggle = useRef<HTMLButtonElement>(null);
  // The stand-in had the focus.
  useEffect(() => toggle.current?.focus(), []);
  return (
    <Dropdown align="end" defaultShow>
      <Dropdown.Toggle ref={toggle} bsPrefix="bare" {...look}>
        <Icon name="three-dots" />
      </Dropdown.Toggle>
      <Dropdown.Menu>
        {entries.map(({ label, icon, run, danger = false, disabled = false }) => (
          <Dropdown.Item
            as="button"
            type="button"
            key={label}
            onClick={run}
            disabled={disabled}
            className={danger ? 'danger' : ''}
          >
            <Icon name={icon} />
            {label}
          </Dropdown.Item>
        ))}
      </Dropdown.Menu>
    </Dropdown>
  );
}
