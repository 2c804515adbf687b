import { type ComponentProps, type ReactNode, useId, useState } from 'react';
import { Icon } from './Icon.tsx';

interface Labelled {
  readonly label: ReactNode;
  readonly hint?: ReactNode;
  readonly error?: string | null | undefined;
}

/** A line of text with its label, a hint, and what is wrong with it. */
export function Field({ label, hint, error, className = '', ...input }: Labelled & ComponentProps<'input'>) {
  const id = useId();
  return (
    <div>
      <label className="form-label" htmlFor={id}>
        {label}
      </label>
      <input
        {...input}
        {...described(id, hint, error)}
        className={`form-control ${error ? 'is-invalid' : ''} ${className}`}
      />
      <Below id={id} hint={hint} error={error} />
    </div>
  );
}

/** Several lines of text. */
export function Area({ label, hint, error, className = '', ...input }: Labelled & ComponentProps<'textarea'>) {
  const id = useId();
  return (
    <div>
      <label className="form-label" htmlFor={id}>
        {label}
      </label>
      <textarea
        {...input}
        {...described(id, hint, error)}
        className={`form-control ${error ? 'is-invalid' : ''} ${className}`}
      />
      <Below id={id} hint={hint} error={error} />
    </div>
  );
}

/** A password that can be looked at. */
export function PasswordField({ label, hint, error, ...input }: Labelled & ComponentProps<'input'>) {
  const id = useId();
  const [shown, setShown] = useState(false);
  return (
    <div>
      <label className="form-label" htmlFor={id}>
        {label}
      </label>
      <div className="with-button">
        <input
          {...input}
          {...described(id, hint, error)}
          type={shown ? 'text' : 'password'}
          className={`form-control ${error ? 'is-invalid' : ''}`}
        />
        <button
          type="button"
          className="btn btn-plain btn-icon"
          aria-label={shown ? 'Hide the password' : 'Show the password'}
          aria-pressed={shown}
          onClick={() => setShown(!shown)}
        >
          <Icon name={shown ? 'eye-slash' : 'eye'} />
        </button>
      </div>
      <Below id={id} hint={hint} error={error} />
    </div>
  );
}

function described(id: string, hint: ReactNode, error: string | null | undefined) {
  return {
    id,
    ...((hint || error) && { 'aria-describedby': `${id}-below` }),
    ...(error && { 'aria-invalid': true }),
  };
}

function Below({ id, hint, error }: { id: string; hint: ReactNode; error: string | null | undefined }) {
  if (!hint && !error) return null;
  return (
    <div id={`${id}-below`} className={error ? 'invalid-feedback' : 'form-text'}>
      {error || hint}
    </div>
  );
}
