import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { PasswordField } from '../../components/Field.tsx';
import { Problem } from '../../components/Notice.tsx';
import { fieldProblem } from '../../lib/field-problem.ts';
import { usePasswordHint } from '../../lib/password-rules.ts';
import { call } from '../../lib/session.ts';
import { tell } from '../../lib/toasts.ts';

/** Changes the own password. Other sessions end with it. */
export function PasswordPanel() {
  const queries = useQueryClient();
  const hint = usePasswordHint();
  const [old, setOld] = useState('');
  const [next, setNext] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);

  const change = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await call('changePassword', { body: { old_password: old, new_password: next } });
      setOld('');
      setNext('');
      tell('Your password is changed. Your other sessions have ended.');
      await queries.invalidateQueries({ queryKey: ['profile'] });
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
  };

  const oldProblem = fieldProblem(error, 'old_password');
  const newProblem = fieldProblem(error, 'new_password');

  return (
    <section className="panel" aria-labelledby="password">
      <div className="panel-head">
        <h2 id="password">Password</h2>
      </div>
      <form
        className="panel-body stack"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void change();
        }}
      >
        <div className="field-row">
          <PasswordField
            label="Present password"
            autoComplete="current-password"
            error={oldProblem}
            value={old}
            onChange={(event) => setOld(event.target.value)}
          />
          <PasswordField
            label="New password"
            autoComplete="new-password"
            hint={hint}
            error={newProblem}
            value={next}
            onChange={(event) => setNext(event.target.value)}
          />
        </div>
        {!oldProblem && !newProblem && <Problem error={error} />}
        <div>
          <Button type="submit" look="primary" busy={busy} disabled={old === '' || next === ''}>
            Change the password
          </Button>
        </div>
      </form>
    </section>
  );
}
