import { type ReactNode, useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { Problem } from '../../components/Notice.tsx';
import type { LimitName } from '../../lib/limits.ts';
import type { RoleLimits } from '../../lib/queries.ts';
import { changesIn, draftOf, LimitFields } from './LimitFields.tsx';

/** A dialog that changes limits. Only what differs is saved. */
export function LimitsForm<V extends number | null | 'role'>({
  title,
  values,
  ofRole,
  save,
  onClose,
  children,
}: {
  title: string;
  values: { readonly [N in LimitName]: V };
  /** With it a value may be left to the role. */
  ofRole?: RoleLimits;
  save: (changes: { [N in LimitName]?: V }) => Promise<void>;
  onClose: () => void;
  children: ReactNode;
}) {
  // As it was when the form was opened: what others change meanwhile is not written over.
  const [before] = useState(values);
  const [draft, setDraft] = useState(() => draftOf(values));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const changes = changesIn(draft, before);
  const ready = changes !== null && Object.keys(changes).length > 0;

  const submit = async (): Promise<void> => {
    if (!ready) return;
    setBusy(true);
    setError(null);
    try {
      await save(changes);
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };

  return (
    <Dialog
      title={title}
      onClose={onClose}
      busy={busy}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose} disabled={busy}>
            Cancel
          </Button>
          <Button type="submit" look="primary" busy={busy} disabled={!ready}>
            Save
          </Button>
        </>
      }
    >
      {children}
      <LimitFields draft={draft} onChange={setDraft} {...(ofRole && { ofRole })} />
      <Problem error={error} />
    </Dialog>
  );
}
