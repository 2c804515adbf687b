import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { CopyButton } from '../../components/CopyButton.tsx';
import { Icon } from '../../components/Icon.tsx';

/** The password that was made: hidden until it is asked for, and gone when the page is left. */
export function PasswordPanel({ account, password }: { account: string; password: string }) {
  const [shown, setShown] = useState(false);
  return (
    <section className="panel panel-body row-line spread" aria-label="Password">
      <div className="grow">
        <div className="row-line">
          <Icon name="key" />
          <span>
            Password of <strong>{account}</strong>
          </span>
        </div>
        <div className="small soft">Keep it now: it is shown only until you leave or reload this page.</div>
      </div>
      <div className="row-line tight">
        <code className="secret">{shown ? password : '•'.repeat(12)}</code>
        <Button
          small
          look="quiet"
          className="btn-icon"
          icon={shown ? 'eye-slash' : 'eye'}
          aria-label={shown ? 'Hide the password' : 'Show the password'}
          aria-pressed={shown}
          onClick={() => setShown(!shown)}
        />
        <CopyButton text={password} of="the password" words />
      </div>
    </section>
  );
}
