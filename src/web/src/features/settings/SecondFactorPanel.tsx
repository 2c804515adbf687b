import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Loaded } from '../../components/Loaded.tsx';
import { useProfile } from '../../lib/queries.ts';
import { call } from '../../lib/session.ts';
import { tell } from '../../lib/toasts.ts';
import { ProofDialog } from './ProofDialog.tsx';
import { RecoveryCodes } from './RecoveryCodes.tsx';
import { TurnOnSecondFactor } from './TurnOnSecondFactor.tsx';

/** A code beside the password at each sign-in. */
export function SecondFactorPanel() {
  const queries = useQueryClient();
  const profile = useProfile();
  const [open, setOpen] = useState<'on' | 'off' | 'codes' | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const close = (): void => setOpen(null);
  const settle = () => queries.invalidateQueries({ queryKey: ['profile'] });
  const show = (made: readonly string[]): void => {
    setCodes(made);
    close();
    void settle();
  };

  return (
    <section className="panel" aria-labelledby="second-factor">
      <div className="panel-head">
        <div>
          <h2 id="second-factor">Second factor</h2>
          <div className="small soft">A code of an authenticator app, asked for beside your password.</div>
        </div>
      </div>
      <Loaded
        query={profile}
        skeleton={
          <div className="panel-body">
            <span className="skeleton skeleton-full" />
          </div>
        }
      >
        {({ user, second_factor: isOn, recovery_codes_left: left }) => (
          <div className="panel-body stack">
            {codes !== null && <RecoveryCodes user={user} codes={codes} onClose={() => setCodes(null)} />}
            {isOn ? (
              <>
                <p>It is on. {left === 1 ? 'One recovery code is' : `${left} recovery codes are`} left.</p>
                <div className="button-row">
                  <Button onClick={() => setOpen('codes')}>New recovery codes</Button>
                  <Button onClick={() => setOpen('off')}>Turn it off</Button>
                </div>
              </>
            ) : (
              <>
                <p className="soft">It is off: your password alone is enough to sign in.</p>
                <div>
                  <Button look="primary" onClick={() => setOpen('on')}>
                    Turn it on
                  </Button>
                </div>
              </>
            )}
          </div>
        )}
      </Loaded>
      {open === 'on' && <TurnOnSecondFactor onClose={close} onDone={show} />}
      {open === 'codes' && (
        <ProofDialog
          title="New recovery codes"
          verb="Make new ones"
          onClose={close}
          run={async (body) => show((await call('renewRecoveryCodes', { body })).recovery_codes)}
        >
          The old ones are worth nothing then.
        </ProofDialog>
      )}
      {open === 'off' && (
        <ProofDialog
          title="Turn the second factor off"
          verb="Turn off"
          onClose={close}
          run={async (body) => {
            await call('endSecondFactor', { body });
            tell('The second factor is off.');
            setCodes(null);
            close();
            await settle();
          }}
        >
          Your password alone is enough to sign in then.
        </ProofDialog>
      )}
    </section>
  );
}
