import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Confirm } from '../../components/Confirm.tsx';
import { call } from '../../lib/session.ts';
import { tell } from '../../lib/toasts.ts';

/** Ends the reservations of everybody, for admins who have typed that they mean it. */
export function ReleaseAll({ count, holders }: { count: number; holders: number }) {
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const go = async (): Promise<void> => {
    const { released } = await call('releaseAllByPost');
    tell(`Released ${released} reservation${released === 1 ? '' : 's'}. Their machines are being cleaned.`);
    await queries.invalidateQueries();
  };
  return (
    <>
      <Button look="danger" disabled={count === 0} onClick={() => setAsking(true)}>
        Release all …
      </Button>
      {asking && (
        <Confirm
          title="Release all reservations?"
          verb="Release all"
          typed="release all"
          onClose={() => setAsking(false)}
          run={go}
        >
          <p>
            <strong>
              {count} reservation{count === 1 ? '' : 's'} of {holders} {holders === 1 ? 'person' : 'people'}
            </strong>{' '}
            end at once. Their accounts and everything in them are removed, sessions are closed.
          </p>
          <p className="soft">This cannot be undone.</p>
        </Confirm>
      )}
    </>
  );
}
