import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { DeleteMachines } from './DeleteMachines.tsx';
import { useMachineDeeds } from './deeds.ts';

/** What can be done with all that are chosen. */
export function BulkBar({ names, onClear }: { names: readonly string[]; onClear: () => void }) {
  const { setDisabled } = useMachineDeeds();
  const [deleting, setDeleting] = useState(false);
  const [busy, setBusy] = useState(false);
  const run = async (disabled: boolean): Promise<void> => {
    setBusy(true);
    await setDisabled(names, disabled);
    setBusy(false);
    onClear();
  };
  return (
    <div className="bulk" role="toolbar" aria-label="Chosen machines">
      <strong className="num">{names.length} chosen</strong>
      <Button small icon="slash-circle" disabled={busy} onClick={() => run(true)}>
        Disable
      </Button>
      <Button small icon="check-circle" disabled={busy} onClick={() => run(false)}>
        Enable
      </Button>
      <Button small look="danger" icon="trash" disabled={busy} onClick={() => setDeleting(true)}>
        Delete …
      </Button>
      <span className="grow" />
      <Button small look="quiet" icon="x-lg" onClick={onClear}>
        Clear
      </Button>
      {deleting && <DeleteMachines names={names} onClose={() => setDeleting(false)} onDeleted={onClear} />}
    </div>
  );
}
