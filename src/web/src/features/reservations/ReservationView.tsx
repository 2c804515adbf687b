import { type ReactNode, useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Notice } from '../../components/Notice.tsx';
import { Snippet } from '../../components/Snippet.tsx';
import { State } from '../../components/State.tsx';
import { Ago, Countdown, Moment } from '../../components/Time.tsx';
import { passwordOf } from '../../lib/made-passwords.ts';
import type { Reservation, ReservationMachine } from '../../lib/queries.ts';
import { knownHosts, sshConfig } from '../../lib/ssh.ts';
import { duration } from '../../lib/time.ts';
import { ConnectCard } from './ConnectCard.tsx';
import { EndReason } from './EndReason.tsx';
import { PasswordPanel } from './PasswordPanel.tsx';
import { Progress } from './Progress.tsx';

const AT_ONCE = 24;
const MINUTE = 60_000;

/** All of a reservation: how it comes about, how to get in, and what became of it. */
export function ReservationView({
  reservation,
  terminal,
  note,
  history,
}: {
  reservation: Reservation;
  terminal: (machine: string) => ReactNode;
  /** What is to be known about the ways in. */
  note: ReactNode;
  history: ReactNode;
}) {
  const [most, setMost] = useState(AT_ONCE);
  const { reservation_id: id, state, machines, username } = reservation;
  const password = passwordOf(id);
  const active = machines.filter((one) => one.state === 'active');
  return (
    <div className="columns">
      <div className="stack">
        {state === 'failed' && (
          <Notice tone="bad">
            This reservation could not be prepared, and nothing of it is left. Try again, perhaps with fewer machines.
          </Notice>
        )}
        {password !== undefined && (state === 'active' || state === 'preparing') && (
          <PasswordPanel account={username} password={password} />
        )}
        {note}
        {state === 'preparing' ? (
          <Progress reservation={reservation} />
        ) : (
          machines
            .slice(0, most)
            .map((one) => (
              <ConnectCard
                key={one.machine}
                one={one}
                account={username}
                reservationId={id}
                onlyOne={active.length === 1}
                terminal={terminal(one.machine)}
              />
            ))
        )}
        {state !== 'preparing' && machines.length > most && (
          <Button onClick={() => setMost(most * 4)}>{machines.length - most} more machines</Button>
        )}
      </div>
      <div className="stack">
        <Facts reservation={reservation} />
        {active.length > 1 && <ForAll machines={active} account={username} />}
        {history}
      </div>
    </div>
  );
}

function Facts({ reservation }: { reservation: Reservation }) {
  const { state, holder, username, reserved_until: until, created_at: made, ended_at: ended } = reservation;
  return (
    <section className="panel panel-body" aria-label="Details">
      <dl className="facts">
        <dt>State</dt>
        <dd>
          <State state={state} />
        </dd>
        {state === 'active' && (
          <>
            <dt>Left</dt>
            <dd>
              <Countdown until={until} />
            </dd>
          </>
        )}
        <dt>Until</dt>
        <dd>
          <Moment at={until} />
        </dd>
        <dt>Length</dt>
        <dd>{duration(reservation.duration_minutes * MINUTE)}</dd>
        <dt>Made</dt>
        <dd>
          <Ago at={made} />
        </dd>
        {ended !== null && (
          <>
            <dt>Ended</dt>
            <dd>
              <Ago at={ended} />
              <div className="soft">
                <EndReason reason={reservation.end_reason} />
              </div>
            </dd>
          </>
        )}
        <dt>Holder</dt>
        <dd>{holder}</dd>
        <dt>Account</dt>
        <dd className="mono">{username}</dd>
      </dl>
    </section>
  );
}

/** The ways into all machines at once, to paste. */
function ForAll({ machines, account }: { machines: readonly ReservationMachine[]; account: string }) {
  const logins = machines.map(({ machine, host, port, host_key: hostKey }) => ({
    machine,
    host,
    port,
    account,
    hostKey,
  }));
  const known = logins.map(knownHosts).filter((line) => line !== null);
  return (
    <section className="stack-sm" aria-labelledby="for-all">
      <h2 id="for-all">For all {machines.length}</h2>
      <Snippet text={logins.map(sshConfig).join('\n\n')} of="the ssh config for all machines" title="~/.ssh/config" />
      {known.length > 0 && (
        <Snippet text={known.join('\n')} of="the known_hosts lines of all machines" title="~/.ssh/known_hosts" />
      )}
    </section>
  );
}
