import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { Problem } from '../../components/Notice.tsx';
import { fieldProblem } from '../../lib/field-problem.ts';
import type { Machine } from '../../lib/queries.ts';
import { useMachineDeeds } from './deeds.ts';
import { type Draft, EMPTY_DRAFT, labelsOf, MachineFields } from './MachineFields.tsx';

/** Changes what was registered. Only what differs is sent. */
export function EditMachine({
  machine,
  onClose,
  onDone,
}: {
  machine: Machine;
  onClose: () => void;
  onDone: () => void;
}) {
  const { change } = useMachineDeeds();
  const [draft, setDraft] = useState<Draft>({
    ...EMPTY_DRAFT,
    name: machine.name,
    host: machine.host ?? '',
    port: String(machine.port ?? ''),
    user: machine.user ?? '',
    kind: 'keep',
    labels: machine.labels.join(' '),
  });
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const labels = labelsOf(draft.labels);
  const changes = {
    ...(draft.host !== machine.host && { host: draft.host }),
    ...(Number(draft.port) !== machine.port && { port: Number(draft.port) }),
    ...(draft.user !== machine.user && { user: draft.user }),
    ...(draft.kind === 'password' && { password: draft.password }),
    ...(draft.kind === 'private_key' && { private_key: draft.privateKey }),
    ...(labels.join(' ') !== machine.labels.join(' ') && { labels }),
  };

  const save = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await change(machine.name, changes);
      onDone();
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };

  return (
    <Dialog
      title={`Edit ${machine.name}`}
      onClose={onClose}
      busy={busy}
      onSubmit={save}
      footer={
        <>
          <Button onClick={onClose} disabled={busy}>
            Cancel
          </Button>
          <Button type="submit" look="primary" busy={busy} disabled={Object.keys(changes).length === 0}>
            Save
          </Button>
        </>
      }
    >
      <MachineFields draft={draft} onChange={setDraft} isNew={false} problem={(field) => fieldProblem(error, field)} />
      <Problem error={error} />
    </Dialog>
  );
}
