import { useState } from 'react';
import { Confirm } from '../../components/Confirm.tsx';
import { Icon } from '../../components/Icon.tsx';
import { Menu } from '../../components/Menu.tsx';
import { Ago } from '../../components/Time.tsx';
import { VirtualRows } from '../../components/VirtualRows.tsx';
import type { User } from '../../lib/queries.ts';
import { useUserDeeds } from './deeds.ts';
import { SetLimits } from './SetLimits.tsx';
import { SetPassword } from './SetPassword.tsx';

export function UserTable({
  users,
  me,
  held,
  onTokens,
}: {
  users: readonly User[];
  me: string;
  /** Machines that each holds. */
  held: ReadonlyMap<string, number>;
  /** Wants to see the API tokens of a user. */
  onTokens: (user: User) => void;
}) {
  return (
    <div className="panel" role="table" aria-label="Users" aria-rowcount={users.length + 1}>
      <div role="rowgroup">
        <div role="row" aria-rowindex={1} className="grid-head cols-users">
          <span role="columnheader">Name</span>
          <span role="columnheader">Role</span>
          <span role="columnheader">Machines</span>
          <span role="columnheader">Added</span>
          <span role="columnheader">
            <span className="visually-hidden">Actions</span>
          </span>
        </div>
      </div>
      <VirtualRows rows={users} keyOf={({ username }) => username} className="cols-users">
        {(user) => (
          <Row user={user} isMe={user.username === me} machines={held.get(user.username) ?? 0} onTokens={onTokens} />
        )}
      </VirtualRows>
    </div>
  );
}

interface OfRow {
  readonly user: User;
  readonly isMe: boolean;
  readonly machines: number;
  readonly onTokens: (user: User) => void;
}

function Row({ user, isMe, machines, onTokens }: OfRow) {
  const { username, is_admin: isAdmin, disabled, service, created_at: added } = user;
  return (
    <>
      <span role="cell" className="avatar-line">
        <span className="avatar" aria-hidden="true">
          {[...username][0]}
        </span>
        <span className="truncate strong">{username}</span>
        {isMe && <span className="small soft">you</span>}
        {service && <span className="small soft">service account</span>}
        {user.second_factor && (
          <span className="small soft" title="Signs in with a second factor">
            <Icon name="shield-lock" />
            <span className="visually-hidden">with a second factor</span>
          </span>
        )}
        {disabled && (
          <span className="state">
            <Icon name="slash-circle" />
            Disabled
          </span>
        )}
      </span>
      <span role="cell">
        <span className={`state ${isAdmin ? 'busy' : ''}`}>
          <Icon name={isAdmin ? 'shield-lock' : 'person'} />
          {isAdmin ? 'Admin' : 'User'}
        </span>
      </span>
      <span role="cell" className="wide-only soft num">
        {machines === 0 ? 'none' : machines}
      </span>
      <span role="cell" className="wide-only soft">
        <Ago at={added} />
      </span>
      <span role="cell" className="grid-end">
        <UserMenu user={user} isMe={isMe} machines={machines} onTokens={onTokens} />
      </span>
    </>
  );
}

function UserMenu({ user, isMe, machines, onTokens }: OfRow) {
  const { setAdmin, setDisabled, removeSecondFactor, remove } = useUserDeeds();
  const [open, setOpen] = useState<'password' | 'second-factor' | 'limits' | 'delete' | null>(null);
  const { username, is_admin: isAdmin, disabled, service, second_factor: secondFactor } = user;
  return (
    <>
      <Menu
        of={username}
        entries={[
          ...(service ? [] : [{ label: 'New password …', icon: 'lock', run: () => setOpen('password') } as const]),
          ...(secondFactor && !isMe
            ? [{ label: 'Remove the second factor …', icon: 'unlock', run: () => setOpen('second-factor') } as const]
            : []),
          { label: 'API tokens …', icon: 'key', run: () => onTokens(user) },
          { label: 'Limits …', icon: 'bar-chart-steps', run: () => setOpen('limits') },
          ...(isMe
            ? []
            : ([
                {
                  label: isAdmin ? 'Make a user' : 'Make an admin',
                  icon: isAdmin ? 'person' : 'shield-lock',
                  run: () => void setAdmin(username, !isAdmin),
                },
                {
                  label: disabled ? 'Enable' : 'Disable',
                  icon: disabled ? 'check-circle' : 'slash-circle',
                  run: () => void setDisabled(username, !disabled),
                },
                { label: 'Delete …', icon: 'trash', danger: true, run: () => setOpen('delete') },
              ] as const)),
        ]}
      />
      {open === 'password' && <SetPassword username={username} onClose={() => setOpen(null)} />}
      {open === 'second-factor' && (
        <Confirm
          title={`Remove the second factor of ${username}?`}
          verb="Remove"
          onClose={() => setOpen(null)}
          run={() => removeSecondFactor(username)}
        >
          <p>The password alone is enough to sign in then. Make sure that it is really {username} who asks for it.</p>
        </Confirm>
      )}
      {open === 'limits' && <SetLimits username={username} isAdmin={isAdmin} onClose={() => setOpen(null)} />}
      {open === 'delete' && (
        <Confirm title={`Delete ${username}?`} verb="Delete" onClose={() => setOpen(null)} run={() => remove(username)}>
          <p>
            {machines === 0
              ? 'The user can no longer sign in.'
              : `The reservations of this user end first: ${machines} machine${machines === 1 ? '' : 's'} will be cleaned, and everything in the accounts is lost.`}
          </p>
          <p className="soft">This cannot be undone.</p>
        </Confirm>
      )}
    </>
  );
}
