import { type ReactNode, useState } from 'react';
import type { Part } from '#contract/routes.ts';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { Field, PasswordField } from '../../components/Field.tsx';
import { Problem } from '../../components/Notice.tsx';
import { fieldProblem } from '../../lib/field-problem.ts';

/** Asks for the password and a code before the second factor changes. */
export function ProofDialog({
  title,
  verb,
  children,
  onClose,
  run,
}: {
  title: string;
  verb: string;
  children: ReactNode;
  onClose: () => void;
  /** Closes the dialog itself; what it throws is shown. */
  run: (proof: Part<'endSecondFactor', 'body'>) => Promise<void>;
}) {
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const go = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await run({ password, code });
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  const passwordProblem = fieldProblem(error, 'password');
  const codeProblem = fieldProblem(error, 'code');
  return (
    <Dialog
      title={title}
      onClose={onClose}
      busy={busy}
      onSubmit={go}
      footer={
        <>
          <Button onClick={onClose} disabled={busy}>
            Cancel
          </Button>
          <Button type="submit" look="primary" busy={busy} disabled={password === '' || code === ''}>
            {verb}
          </Button>
        </>
      }
    >
      <p>{children}</p>
      <PasswordField
        label="Your password"
        autoComplete="current-password"
        autoFocus
        error={passwordProblem}
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      <Field
        label="Code"
        hint="Of your authenticator app, or one of your recovery codes."
        autoComplete="one-time-code"
        spellCheck={false}
        error={codeProblem}
        value={code}
        onChange={(event) => setCode(event.target.value)}
      />
      {!passwordProblem && !codeProblem && <Problem error={error} />}
    </Dialog>
  );
}
