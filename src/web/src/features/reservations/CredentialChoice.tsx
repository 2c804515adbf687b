import { Area, PasswordField } from '../../components/Field.tsx';

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

function KeyField({ chosen, onChange }: { chosen: readonly string[]; onChange: (keys: readonly string[]) => void }) {
  return (
    <Area
      label="Public keys"
      hint="One per line, as in ~/.ssh/id_ed25519.pub."
      className="mono"
      rows={3}
      spellCheck={false}
      placeholder="ssh-ed25519 AAAA…"
      defaultValue={chosen.join('\n')}
      onChange={({ target }) =>
        onChange(
          target.value
            .split('\n')
            .map((line) => line.trim())
            .filter((line) => line !== ''),
        )
      }
    />
  );
}
