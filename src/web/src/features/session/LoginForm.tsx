import { type FormEvent, useState } from 'react';
import { CallFailure } from '#contract/client.ts';
import { Button } from '../../components/Button.tsx';
import { Field, PasswordField } from '../../components/Field.tsx';
import { Problem } from '../../components/Notice.tsx';
import { signIn } from '../../lib/session.ts';

export function LoginForm() {
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  /** Null until the server asks for one. */
  const [code, setCode] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (username === '' || password === '') {
      setError(new Error('give your name and your password'));
      return;
    }
    if (code === '') {
      setError(new Error('give the code'));
      return;
    }
    setBusy(true);
    setError(null);
    try {
      await signIn(username, password, code ?? undefined);
    } catch (failure) {
      if (failure instanceof CallFailure && failure.error === 'second_factor_needed') setCode('');
      else setError(failure);
      setBusy(false);
    }
  };

  if (code !== null) {
    return (
      <form className="stack" onSubmit={submit} noValidate>
        <Field
          key="code"
          label="Code"
          hint="Of your authenticator app, or one of your recovery codes."
          name="code"
          autoComplete="one-time-code"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          value={code}
          onChange={(event) => setCode(event.target.value)}
        />
        <Problem error={error} />
        <Button type="submit" look="primary" busy={busy}>
          Sign in
        </Button>
        <Button
          look="quiet"
          disabled={busy}
          onClick={() => {
            setCode(null);
            setPassword('');
            setError(null);
          }}
        >
          Somebody else
        </Button>
      </form>
    );
  }

  return (
    <form className="stack" onSubmit={submit} noValidate>
      <Field
        label="Name"
        name="username"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        required
        autoFocus
        value={username}
        onChange={(event) => setUsername(event.target.value)}
      />
      <PasswordField
        label="Password"
        name="password"
        autoComplete="current-password"
        required
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      <Problem error={error} />
      <Button type="submit" look="primary" busy={busy}>
        Sign in
      </Button>
    </form>
  );
}
