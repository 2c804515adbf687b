import { useState } from 'react';
import { encode } from 'uqr';
import type { Answer } from '#contract/routes.ts';
import { Button } from '../../components/Button.tsx';
import { CopyButton } from '../../components/CopyButton.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { Field, PasswordField } from '../../components/Field.tsx';
import { Problem } from '../../components/Notice.tsx';
import { fieldProblem } from '../../lib/field-problem.ts';
import { call } from '../../lib/session.ts';

/** The password, then the secret for the app, then a first code from it. */
export function TurnOnSecondFactor({
  onClose,
  onDone,
}: {
  onClose: () => void;
  onDone: (recoveryCodes: readonly string[]) => void;
}) {
  const [password, setPassword] = useState('');
  const [made, setMade] = useState<Answer<'startSecondFactor'> | null>(null);
  const [code, setCode] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const go = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      if (made === null) {
        setMade(await call('startSecondFactor', { body: { password } }));
        setPassword('');
      } else {
        onDone((await call('confirmSecondFactor', { body: { code } })).recovery_codes);
        return;
      }
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
  };
  const field = made === null ? 'password' : 'code';
  const problem = fieldProblem(error, field);
  return (
    <Dialog
      title="Turn the second factor on"
      onClose={onClose}
      busy={busy}
      onSubmit={go}
      footer={
        <>
          <Button onClick={onClose} disabled={busy}>
            Cancel
          </Button>
          <Button type="submit" look="primary" busy={busy} disabled={made === null ? password === '' : code === ''}>
            {made === null ? 'Go on' : 'Turn on'}
          </Button>
        </>
      }
    >
      {made === null ? (
        <PasswordField
          label="Your password"
          autoComplete="current-password"
          autoFocus
          error={problem}
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      ) : (
        <>
          <p>Scan this with an authenticator app, or type the secret into it, then give the code that it shows.</p>
          <QrCode text={made.uri} />
          <div className="row-line">
            <code className="grow secret-text">{made.secret}</code>
            <CopyButton text={made.secret} of="the secret" />
          </div>
          <Field
            key="code"
            label="Code"
            inputMode="numeric"
            autoComplete="one-time-code"
            autoFocus
            error={problem}
            value={code}
            onChange={(event) => setCode(event.target.value)}
          />
        </>
      )}
      {!problem && <Problem error={error} />}
    </Dialog>
  );
}

/** Dark on light in every theme: cameras look for that. */
function QrCode({ text }: { text: string }) {
  const { data, size } = encode(text, { border: 3 });
  const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join('');
  return (
    <svg className="qr-code" viewBox={`0 0 ${size} ${size}`} role="img" aria-label="QR code of the secret">
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
