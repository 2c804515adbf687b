import { useState } from 'react';
import Dropdown from 'react-bootstrap/Dropdown';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { Field } from '../../components/Field.tsx';
import { Icon } from '../../components/Icon.tsx';
import { duration, localInput } from '../../lib/time.ts';
import { useDeeds } from './deeds.ts';

const STEPS = [30, 60, 240, 1440];
const MINUTE = 60_000;

/** More time by one click, or an exact end. */
export function ExtendMenu({ id, until, disabled }: { id: string; until: string; disabled: boolean }) {
  const { extend } = useDeeds();
  const [exact, setExact] = useState(false);
  return (
    <>
      <Dropdown>
        <Dropdown.Toggle bsPrefix="btn btn-plain btn-sm" disabled={disabled}>
          <Icon name="stopwatch" />
          Extend
          <Icon name="chevron-down" />
        </Dropdown.Toggle>
        <Dropdown.Menu>
          {STEPS.map((minutes) => (
            <Dropdown.Item as="button" type="button" key={minutes} onClick={() => extend(id, minutes)}>
              by {duration(minutes * MINUTE)}
            </Dropdown.Item>
          ))}
          <Dropdown.Divider />
          <Dropdown.Item as="button" type="button" onClick={() => setExact(true)}>
            until …
          </Dropdown.Item>
        </Dropdown.Menu>
      </Dropdown>
      {exact && (
        <ExactEnd
          until={until}
          onClose={() => setExact(false)}
          onChosen={(minutes) => {
            setExact(false);
            void extend(id, minutes);
          }}
        />
      )}
    </>
  );
}

function ExactEnd({
  until,
  onClose,
  onChosen,
}: {
  until: string;
  onClose: () => void;
  onChosen: (minutes: number) => void;
}) {
  const [end, setEnd] = useState(() => localInput(new Date(until)));
  const minutes = Math.round((new Date(end).getTime() - new Date(until).getTime()) / MINUTE);
  const past = new Date(end).getTime() <= Date.now();
  const error = Number.isNaN(minutes)
    ? 'Give a date and a time.'
    : past
      ? 'This is in the past; release it instead.'
      : null;
  return (
    <Dialog
      title="Move the end"
      onClose={onClose}
      onSubmit={() => {
        if (!error && minutes !== 0) onChosen(minutes);
      }}
      footer={
        <>
          <button type="button" className="btn btn-plain" onClick={onClose}>
            Cancel
          </button>
          <Button type="submit" look="primary" disabled={error !== null || minutes === 0}>
            Move the end
          </Button>
        </>
      }
    >
      <Field
        label="Until"
        type="datetime-local"
        value={end}
        onChange={(event) => setEnd(event.target.value)}
        error={error}
        hint={
          minutes === 0
            ? 'That is the end as it is.'
            : `${duration(Math.abs(minutes) * MINUTE)} ${minutes > 0 ? 'longer' : 'shorter'}`
        }
      />
    </Dialog>
  );
}
