import { useMemo, useState } from 'react';
import { Button } from '../components/Button.tsx';
import { Empty } from '../components/Empty.tsx';
import { Loaded, SkeletonRows } from '../components/Loaded.tsx';
import { Page } from '../components/Page.tsx';
import { SearchField } from '../components/SearchField.tsx';
import { UserTokens } from '../features/tokens/UserTokens.tsx';
import { AddUser } from '../features/users/AddUser.tsx';
import { SetRoleLimits } from '../features/users/SetRoleLimits.tsx';
import { UserTable } from '../features/users/UserTable.tsx';
import { type User, useHeldMachines, useUsers } from '../lib/queries.ts';
import { useMe } from '../lib/session.ts';

export default function Users() {
  const query = useUsers();
  const [adding, setAdding] = useState(false);
  const [limiting, setLimiting] = useState(false);
  return (
    <Page
      title="Users"
      actions={
        <>
          <Button icon="bar-chart-steps" onClick={() => setLimiting(true)}>
            Limits of roles
          </Button>
          <Button look="primary" icon="plus-lg" onClick={() => setAdding(true)}>
            Add a user
          </Button>
        </>
      }
    >
      <Loaded query={query} skeleton={<SkeletonRows />}>
        {(users) => <List users={users} />}
      </Loaded>
      {limiting && <SetRoleLimits onClose={() => setLimiting(false)} />}
      {adding && <AddUser onClose={() => setAdding(false)} />}
    </Page>
  );
}

function List({ users }: { users: readonly User[] }) {
  const { user: me } = useMe();
  const [text, setText] = useState('');
  const [ofUser, setOfUser] = useState<User | null>(null);
  const held = useHeldMachines(false).data;
  const counts = useMemo(() => {
    const map = new Map<string, number>();
    for (const { holder } of held ?? []) map.set(holder, (map.get(holder) ?? 0) + 1);
    return map;
  }, [held]);
  const letters = text.trim().toLowerCase();
  const shown = users.filter(({ username }) => username.toLowerCase().includes(letters));
  return (
    <>
      <div className="filters">
        <SearchField label="Search for a user" value={text} onChange={setText} />
        <span className="small soft num count" role="status">
          {shown.length === users.length ? `${users.length} users` : `${shown.length} of ${users.length} users`}
        </span>
      </div>
      {shown.length === 0 ? (
        <div className="panel">
          <Empty icon="search" title="No user has these letters" />
        </div>
      ) : (
        <UserTable users={shown} me={me} held={counts} onTokens={setOfUser} />
      )}
      {ofUser && <UserTokens user={ofUser} onClose={() => setOfUser(null)} />}
    </>
  );
}
