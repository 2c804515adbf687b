import { Dialog } from '../../components/Dialog.tsx';
import { Loaded } from '../../components/Loaded.tsx';
import { useRoleLimits, useUserLimits } from '../../lib/queries.ts';
import { useUserDeeds } from './deeds.ts';
import { LimitsForm } from './LimitsForm.tsx';

/** The own limits of a user. */
export function SetLimits({ username, isAdmin, onClose }: { username: string; isAdmin: boolean; onClose: () => void }) {
  const { setLimits } = useUserDeeds();
  const user = useUserLimits(username);
  const role = useRoleLimits(isAdmin ? 'admin' : 'user');
  const title = `Limits of ${username}`;
  if (!user.data || !role.data) {
    return (
      <Dialog title={title} onClose={onClose}>
        <Loaded<unknown> query={user.error ? user : role} skeleton={<span className="skeleton skeleton-full" />}>
          {() => null}
        </Loaded>
      </Dialog>
    );
  }
  const { machines, reservations } = user.data.used;
  return (
    <LimitsForm
      title={title}
      values={user.data.own}
      ofRole={role.data}
      save={(changes) => setLimits(username, changes)}
      onClose={onClose}
    >
      <p className="soft">
        {username} holds {machines} machine{machines === 1 ? '' : 's'} in {reservations} reservation
        {reservations === 1 ? '' : 's'}. A lower limit ends nothing, but allows nothing new.
      </p>
    </LimitsForm>
  );
}
