import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import type { User } from '../../lib/queries.ts';
import { AddToken } from './AddToken.tsx';
import { TokenList } from './TokenList.tsx';

/** The API tokens of a user, for admins: to see and revoke, and to make for a service account. */
export function UserTokens({ user, onClose }: { user: User; onClose: () => void }) {
  const { username, service, is_admin: isAdmin } = user;
  const [adding, setAdding] = useState(false);
  if (adding) return <AddToken of={username} forAdmin={isAdmin} onClose={() => setAdding(false)} />;
  return (
    <Dialog
      title={`API tokens of ${username}`}
      onClose={onClose}
      footer={
        <>
          {service && (
            <Button icon="plus-lg" onClick={() => setAdding(true)}>
              Make a token
            </Button>
          )}
          <Button look="primary" onClick={onClose}>
            Close
          </Button>
        </>
      }
    >
      <TokenList of={username} none={service ? 'None yet. Without one, this account cannot sign in.' : 'None.'} />
    </Dialog>
  );
}
