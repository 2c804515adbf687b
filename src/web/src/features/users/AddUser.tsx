import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { Field, PasswordField } from '../../components/Field.tsx';
import { Problem } from '../../components/Notice.tsx';
import { fieldProblem } from '../../lib/field-problem.ts';
import { usePasswordHint } from '../../lib/password-rules.ts';
import { useUserDeeds } from './deeds.ts';

export function AddUser({ onClose }: { onClose: () => void }) {
  const { create } = useUserDeeds();
  const hint = usePasswordHint();
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [service, setService] = useState(false);
  const [isAdmin, setIsAdmin] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);

  const submit = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await create({ username, ...(service ? { service } : { password }), is_admin: isAdmin });
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };

  const passwordProblem = fieldProblem(error, 'password');

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
          <Button type="submit" look="primary" busy={busy} disabled={username === '' || (password === '' && !service)}>
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
      {!service && (
        <PasswordField
          label="Password"
          autoComplete="new-password"
          hint={hint}
          error={passwordProblem}
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      )}
      <label className="check-line">
        <input
          type="checkbox"
          className="form-check-input"
          checked={service}
          onChange={(event) => setService(event.target.checked)}
        />
        <span>
          Service account <span className="soft">for CI: no password, only API tokens that you make for it</span>
        </span>
      </label>
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
      {!passwordProblem && <Problem error={error} />}
    </Dialog>
  );
}
