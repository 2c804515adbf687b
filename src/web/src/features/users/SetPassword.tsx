import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { PasswordField } from '../../components/Field.tsx';
import { Problem } from '../../components/Notice.tsx';
import { fieldProblem } from '../../lib/field-problem.ts';
import { usePasswordHint } from '../../lib/password-rules.ts';
import { useUserDeeds } from './deeds.ts';

export function SetPassword({ username, onClose }: { username: string; onClose: () => void }) {
  const { setPassword } = useUserDeeds();
  const rules = usePasswordHint();
  const [password, setNew] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);

  const submit = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await setPassword(username, password);
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };

  const problem = fieldProblem(error, 'password');

  return (
    <Dialog
      title={`New password for ${username}`}
      onClose={onClose}
      busy={busy}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose} disabled={busy}>
            Cancel
          </Button>
          <Button type="submit" look="primary" busy={busy} disabled={password === ''}>
            Set the password
          </Button>
        </>
      }
    >
      <PasswordField
        label="New password"
        hint={`${rules ?? ''} The old one, and tokens made with it, stop working.`}
        error={problem}
        autoComplete="new-password"
        autoFocus
        value={password}
        onChange={(event) => setNew(event.target.value)}
      />
      {!problem && <Problem error={error} />}
    </Dialog>
  );
}
