import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { Field } from '../../components/Field.tsx';
import { Notice, Problem } from '../../components/Notice.tsx';
import { Snippet } from '../../components/Snippet.tsx';
import { useTokenDeeds } from './deeds.ts';
import { SCOPES, type Scope } from './scopes.ts';

const LONGEST_DAYS = 366;

/** Makes an API token, of mine or for the service account `of`, and shows it this once. */
export function AddToken({
  of = null,
  forAdmin,
  onClose,
}: {
  of?: string | null;
  /** Whether the owner is an admin, who alone can have the scopes for admins. */
  forAdmin: boolean;
  onClose: () => void;
}) {
  const { create } = useTokenDeeds(of);
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<readonly Scope[]>(['read']);
  const [days, setDays] = useState('90');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [token, setToken] = useState<string | null>(null);
  const wholeDays = /^\d+$/.test(days) && Number(days) >= 1 && Number(days) <= LONGEST_DAYS;

  const submit = async (): Promise<void> => {
    if (name.trim() === '' || scopes.length === 0 || !wholeDays || busy) return;
    setBusy(true);
    setError(null);
    try {
      const made = await create({ name: name.trim(), scopes: [...scopes], expires_in_days: Number(days) });
      setToken(made.token);
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
  };

  if (token !== null) {
    return (
      <Dialog
        title={`The API token ${name.trim()}`}
        onClose={onClose}
        footer={
          <Button look="primary" onClick={onClose}>
            Done
          </Button>
        }
      >
        <Notice tone="wait">Copy it now: it is not shown again.</Notice>
        <Snippet text={token} of="the API token" />
      </Dialog>
    );
  }

  return (
    <Dialog
      title={of === null ? 'Make an API token' : `Make an API token for ${of}`}
      onClose={onClose}
      busy={busy}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose} disabled={busy}>
            Cancel
          </Button>
          <Button
            type="submit"
            look="primary"
            busy={busy}
            disabled={name.trim() === '' || scopes.length === 0 || !wholeDays}
          >
            Make the token
          </Button>
        </>
      }
    >
      <Field
        label="Name"
        hint="What it is for."
        placeholder="nightly build"
        autoComplete="off"
        maxLength={64}
        autoFocus
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <fieldset>
        <legend className="form-label">It may</legend>
        {SCOPES.filter(({ admin }) => !admin || forAdmin).map(({ scope, words }) => (
          <label key={scope} className="check-line">
            <input
              type="checkbox"
              className="form-check-input"
              checked={scopes.includes(scope)}
              onChange={({ target: { checked } }) =>
                setScopes(checked ? [...scopes, scope] : scopes.filter((one) => one !== scope))
              }
            />
            <span>
              {scope} <span className="soft">{words}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <Field
        label="Days until it expires"
        type="number"
        min={1}
        max={LONGEST_DAYS}
        inputMode="numeric"
        hint={`1 to ${LONGEST_DAYS}.`}
        error={wholeDays || days === '' ? null : `Give 1 to ${LONGEST_DAYS} whole days.`}
        value={days}
        onChange={(event) => setDays(event.target.value)}
      />
      <Problem error={error} />
    </Dialog>
  );
}
