import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Confirm } from '../../components/Confirm.tsx';
import { useDeeds } from './deeds.ts';

/** Ends a reservation after a question: what is on the machines is lost. */
export function ReleaseButton({
  id,
  machines,
  disabled,
}: {
  id: string;
  machines: readonly string[];
  disabled: boolean;
}) {
  const { release } = useDeeds();
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const go = async (): Promise<void> => {
    setBusy(true);
    // The cleaning takes a while: it is watched in the list, not in the dialog.
    void release(id).finally(() => setBusy(false));
  };
  return (
    <>
      <Button small look="danger" busy={busy} disabled={disabled} onClick={() => setAsking(true)}>
        Release
      </Button>
      {asking && (
        <Confirm title="Release this reservation?" verb="Release" onClose={() => setAsking(false)} run={go}>
          <p>
            The account and everything in its home is removed from{' '}
            <strong>{machines.length <= 3 ? machines.join(', ') : `${machines.length} machines`}</strong>, and its
            sessions are closed.
          </p>
          <p className="soft">This cannot be undone.</p>
        </Confirm>
      )}
    </>
  );
}
