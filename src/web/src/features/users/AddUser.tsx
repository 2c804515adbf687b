import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { Field, PasswordField } from '../../components/Field.tsx';
import { Problem } from '../../components/Notice.tsx';
import { useUserDeeds } from './deeds.ts';

export function AddUser({ onClose }: { onClose: () => void }) {
  const { create } = useUserDeeds();
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [isAdmin, setIsAdmin] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);

  const submit = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await create({ username, password, is_admin: isAdmin });
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };

  return (
    <Dialog
      title="Add a user"
      onClose={onClose}
      busy={busy}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose} disabled={busy}>
            Cancel
          </Button>
          <Button type="submit" look="primary" busy={busy} disabled={username === '' || password === ''}>
            Add
          </Button>
        </>
      }
    >
      <Field
        label="Name"
        hint="It is also the name of the account on reserved machines."
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        autoFocus
        value={username}
        onChange={(event) => setUsername(event.target.value)}
      />
      <PasswordField
        label="Password"
        autoComplete="new-password"
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      <label className="check-line">
        <input
          type="checkbox"
          className="form-check-input"
          checked={isAdmin}
          onChange={(event) => setIsAdmin(event.target.checked)}
        />
        <span>
          Admin <span className="soft">may register machines, add users and end reservations of others</span>
        </span>
      </label>
      <Problem error={error} />
    </Dialog>
  );
}
