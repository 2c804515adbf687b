import { Area, Field, PasswordField } from '../../components/Field.tsx';

/** What the form about a machine holds: text as it was typed. */
export interface Draft {
  readonly name: string;
  readonly host: string;
  readonly port: string;
  readonly user: string;
  readonly kind: 'keep' | 'password' | 'private_key';
  readonly password: string;
  readonly privateKey: string;
  readonly labels: string;
}

export const EMPTY_DRAFT: Draft = {
  name: '',
  host: '',
  port: '22',
  user: 'root',
  kind: 'password',
  password: '',
  privateKey: '',
  labels: '',
};

export function labelsOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))];
}

/** The fields of the form; `problem` answers what the server said about one of them. */
export function MachineFields({
  draft,
  onChange,
  isNew,
  problem,
}: {
  draft: Draft;
  onChange: (draft: Draft) => void;
  isNew: boolean;
  problem: (field: string) => string | null;
}) {
  const bind = (
    field: 'name' | 'host' | 'port' | 'user' | 'password' | 'privateKey' | 'labels',
    wire: string = field,
  ) => ({
    value: draft[field],
    error: problem(wire),
    autoComplete: 'off',
    autoCapitalize: 'none',
    spellCheck: false,
    onChange: (event: { target: { value: string } }) => onChange({ ...draft, [field]: event.target.value }),
  });
  const kinds = [
    ...(isNew ? [] : [{ kind: 'keep', label: 'Keep as it is' } as const]),
    { kind: 'password', label: 'Password' } as const,
    { kind: 'private_key', label: 'Private key' } as const,
  ];
  return (
    <>
      {isNew && <Field label="Name" placeholder="gpu-1" autoFocus {...bind('name')} />}
      <div className="host-port">
        <Field label="Host" placeholder="10.0.0.11" {...bind('host')} />
        <Field label="Port" inputMode="numeric" {...bind('port')} />
      </div>
      <Field label="Login" hint="root, or an account with passwordless sudo." {...bind('user')} />
      <fieldset className="stack-sm">
        <legend>Credential</legend>
        <div className="chips">
          {kinds.map(({ kind, label }) => (
            <label key={kind} className="chip">
              <input
                type="radio"
                name="credential"
                checked={draft.kind === kind}
                onChange={() => onChange({ ...draft, kind })}
              />
              {label}
            </label>
          ))}
        </div>
        {draft.kind === 'password' && (
          <PasswordField label="Password" {...bind('password')} autoComplete="new-password" />
        )}
        {draft.kind === 'private_key' && (
          <Area
            label="Private key"
            className="mono"
            rows={4}
            placeholder="-----BEGIN OPENSSH PRIVATE KEY-----"
            {...bind('privateKey', 'private_key')}
          />
        )}
        <p className="form-text">It is kept encrypted and never shown again.</p>
      </fieldset>
      <Field label="Labels" placeholder="gpu debian" hint="Words by which machines are chosen." {...bind('labels')} />
    </>
  );
}
