import { useState } from 'react';
import { Dialog } from '../../components/Dialog.tsx';
import { Loaded } from '../../components/Loaded.tsx';
import { type Role, useRoleLimits } from '../../lib/queries.ts';
import { useUserDeeds } from './deeds.ts';
import { LimitsForm } from './LimitsForm.tsx';

const TITLE = 'Limits of roles';
const ROLES = [
  { role: 'user', words: 'Users' },
  { role: 'admin', words: 'Admins' },
] as const;

/** What each user of a role may have who has no value of the own. */
export function SetRoleLimits({ onClose }: { onClose: () => void }) {
  const { setRoleLimits } = useUserDeeds();
  const [role, setRole] = useState<Role>('user');
  const query = useRoleLimits(role);
  const choice = (
    <fieldset>
      <legend>Who</legend>
      <div className="chips">
        {ROLES.map(({ role: one, words }) => (
          <label key={one} className="chip">
            <input type="radio" name="role" checked={one === role} onChange={() => setRole(one)} />
            {words}
          </label>
        ))}
      </div>
    </fieldset>
  );
  if (!query.data) {
    return (
      <Dialog title={TITLE} onClose={onClose}>
        {choice}
        <Loaded query={query} skeleton={<span className="skeleton skeleton-full" />}>
          {() => null}
        </Loaded>
      </Dialog>
    );
  }
  return (
    <LimitsForm
      key={role}
      title={TITLE}
      values={query.data}
      save={(changes) => setRoleLimits(role, changes)}
      onClose={onClose}
    >
      {choice}
    </LimitsForm>
  );
}
