import { useEffect, useRef, useState } from 'react';
import { Link } from 'react-router';
import { Area, PasswordField } from '../../components/Field.tsx';
import { useSshKeys } from '../../lib/queries.ts';

/** How the holder wants to get in. */
export type Credentials =
  | { readonly kind: 'made' }
  | { readonly kind: 'own'; readonly password: string }
  | { readonly kind: 'keys'; readonly keys: readonly string[] };

export const NO_CREDENTIALS: Credentials = { kind: 'made' };

export function credentialProblem(chosen: Credentials): string | null {
  if (chosen.kind === 'own' && chosen.password === '') return 'Give a password.';
  if (chosen.kind === 'keys' && chosen.keys.length === 0) return 'Give a public key.';
  return null;
}

const KINDS = [
  { label: 'Password made for you', start: NO_CREDENTIALS },
  { label: 'SSH key', start: { kind: 'keys', keys: [] } },
  { label: 'Own password', start: { kind: 'own', password: '' } },
] as const satisfies readonly { label: string; start: Credentials }[];

export function CredentialChoice({ chosen, onChange }: { chosen: Credentials; onChange: (next: Credentials) => void }) {
  return (
    <fieldset className="stack-sm">
      <legend>Sign in to the machines with</legend>
      <div className="chips">
        {KINDS.map(({ label, start }) => (
          <label key={start.kind} className="chip">
            <input
              type="radio"
              name="credentials"
              checked={chosen.kind === start.kind}
              onChange={() => onChange(start)}
            />
            {label}
          </label>
        ))}
      </div>
      {chosen.kind === 'made' && <p className="form-text">A strong one is made and shown to you once.</p>}
      {chosen.kind === 'own' && (
        <PasswordField
          label="Password for the account"
          autoComplete="new-password"
          value={chosen.password}
          onChange={(event) => onChange({ kind: 'own', password: event.target.value })}
        />
      )}
      {chosen.kind === 'keys' && (
        <KeyField chosen={chosen.keys} onChange={(keys) => onChange({ kind: 'keys', keys })} />
      )}
    </fieldset>
  );
}

/** The keys that are kept, all of them to begin with, and room for another one. */
function KeyField({ chosen, onChange }: { chosen: readonly string[]; onChange: (keys: readonly string[]) => void }) {
  const kept = useSshKeys().data;
  const [typed, setTyped] = useState('');
  const begun = useRef(false);
  useEffect(() => {
    if (!kept || begun.current) return;
    begun.current = true;
    if (chosen.length === 0 && kept.length > 0) onChange(kept.map((key) => key.public_key));
  }, [kept, chosen, onChange]);
  const own = new Set(kept?.map((key) => key.public_key));
  const keptChosen = chosen.filter((key) => own.has(key));
  const typedKeys = (text: string): string[] =>
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  return (
    <div className="stack">
      {kept && kept.length > 0 && (
        <ul className="lines row-list">
          {kept.map(({ id, name, fingerprint, public_key: key }) => (
            <li key={id}>
              <label className="row-line no-wrap">
                <input
                  type="checkbox"
                  className="form-check-input"
                  checked={chosen.includes(key)}
                  onChange={({ target }) =>
                    onChange(target.checked ? [...chosen, key] : chosen.filter((other) => other !== key))
                  }
                />
                <span className="strong truncate">{name}</span>
                <span className="mono small soft truncate">{fingerprint}</span>
              </label>
            </li>
          ))}
        </ul>
      )}
      <Area
        label={kept && kept.length > 0 ? 'Another public key' : 'Public keys'}
        hint={
          <>
            One per line, as in ~/.ssh/id_ed25519.pub. <Link to="/settings">Keep keys in the settings</Link> and they
            are chosen here by themselves.
          </>
        }
        className="mono"
        rows={3}
        spellCheck={false}
        placeholder="ssh-ed25519 AAAA…"
        value={typed}
        onChange={({ target: { value } }) => {
          setTyped(value);
          onChange([...keptChosen, ...typedKeys(value)]);
        }}
      />
    </div>
  );
}
