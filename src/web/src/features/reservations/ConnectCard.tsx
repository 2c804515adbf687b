import { type ReactNode, useId, useState } from 'react';
import { Link } from 'react-router';
import { Button } from '../../components/Button.tsx';
import { Confirm } from '../../components/Confirm.tsx';
import { Menu } from '../../components/Menu.tsx';
import { Notice } from '../../components/Notice.tsx';
import { Snippet } from '../../components/Snippet.tsx';
import { State } from '../../components/State.tsx';
import { Ago } from '../../components/Time.tsx';
import type { ReservationMachine } from '../../lib/queries.ts';
import { knownHosts, sshCommand, sshConfig } from '../../lib/ssh.ts';
import { useDeeds } from './deeds.ts';
import { RemovalReport } from './RemovalReport.tsx';

/** One machine of an active reservation and the ways into it. `terminal` opens one here, where that is possible. */
export function ConnectCard({
  one,
  account,
  reservationId,
  onlyOne,
  terminal,
}: {
  one: ReservationMachine;
  account: string;
  reservationId: string;
  /** The last machine is not given back alone: the reservation is released. */
  onlyOne: boolean;
  terminal?: ReactNode;
}) {
  const { giveBack } = useDeeds();
  const [asking, setAsking] = useState(false);
  const [more, setMore] = useState(false);
  const id = useId();
  const login = { machine: one.machine, host: one.host, port: one.port, account, hostKey: one.host_key };
  const known = knownHosts(login);
  return (
    <article className="panel" aria-labelledby={id}>
      <div className="panel-head">
        <div className="row-line grow">
          <h3 id={id} className="truncate">
            <Link className="row-link" to={`/machines/${encodeURIComponent(one.machine)}`}>
              {one.machine}
            </Link>
          </h3>
          <State state={one.state} />
        </div>
        {one.state === 'active' && (
          <div className="row-line">
            {terminal}
            {!onlyOne && (
              <Menu
                of={one.machine}
                entries={[{ label: 'Give back …', icon: 'box-arrow-right', danger: true, run: () => setAsking(true) }]}
              />
            )}
          </div>
        )}
      </div>
      <div className="panel-body stack-sm">
        {one.state === 'active' ? (
          <>
            <Snippet text={sshCommand(login)} of={`the ssh command for ${one.machine}`} />
            <div>
              <Button
                small
                look="quiet"
                icon={more ? 'chevron-down' : 'chevron-right'}
                aria-expanded={more}
                onClick={() => setMore(!more)}
              >
                ssh config and host key
              </Button>
            </div>
            {more && (
              <>
                <Snippet text={sshConfig(login)} of={`the ssh config for ${one.machine}`} title="~/.ssh/config" />
                {known !== null && (
                  <Snippet text={known} of={`the known_hosts line for ${one.machine}`} title="~/.ssh/known_hosts" />
                )}
              </>
            )}
          </>
        ) : (
          <Standing one={one} />
        )}
      </div>
      {asking && (
        <Confirm
          title={`Give back ${one.machine}?`}
          verb="Give back"
          onClose={() => setAsking(false)}
          run={async () => void giveBack(reservationId, one.machine)}
        >
          <p>The account and everything in its home is removed from it. Your other machines stay.</p>
        </Confirm>
      )}
    </article>
  );
}

/** What is going on with a machine that cannot be used now, or any more. */
function Standing({ one }: { one: ReservationMachine }) {
  if (one.problem !== null) {
    return (
      <Notice tone="wait">
        {one.problem}
        {one.state === 'cleaning' && (
          <div className="soft">
            Berth tries again by itself
            {one.next_try_at !== null && (
              <>
                , next <Ago at={one.next_try_at} />
              </>
            )}
            , and lends it to nobody before.
          </div>
        )}
      </Notice>
    );
  }
  if (one.state === 'preparing') return <span className="soft">The account is being made …</span>;
  if (one.state === 'cleaning') return <span className="soft">The account is being removed …</span>;
  const { removal } = one;
  if (removal === null) return <span className="soft">The account is gone.</span>;
  return <RemovalReport removal={removal} />;
}
