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
  return (
    <Dropdown align="end">
      <Dropdown.Toggle bsPrefix="btn btn-quiet btn-sm btn-icon" aria-label={`Actions for ${of}`}>
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
