import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Confirm } from '../../components/Confirm.tsx';
import { Icon } from '../../components/Icon.tsx';
import { Loaded } from '../../components/Loaded.tsx';
import { Ago } from '../../components/Time.tsx';
import { useSessions } from '../../lib/queries.ts';
import { call, signOutEverywhere } from '../../lib/session.ts';
import { tell, tellProblem } from '../../lib/toasts.ts';
import { browserName } from './browser-name.ts';

/** Where I am signed in. */
export function SessionsPanel() {
  const queries = useQueryClient();
  const query = useSessions();
  const [asking, setAsking] = useState(false);
  const end = async (id: string): Promise<void> => {
    try {
      await call('endSession', { params: { id } });
      tell('That session has ended.');
    } catch (error) {
      tellProblem(error);
    }
    await queries.invalidateQueries({ queryKey: ['profile', 'sessions'] });
  };
  return (
    <section className="panel" aria-labelledby="sessions">
      <div className="panel-head">
        <h2 id="sessions">Sessions</h2>
        <Button small look="danger" onClick={() => setAsking(true)}>
          Sign out everywhere …
        </Button>
      </div>
      <Loaded
        query={query}
        skeleton={
          <div className="panel-body">
            <span className="skeleton skeleton-full" />
          </div>
        }
      >
        {(sessions) => (
          <ul className="lines">
            {sessions
              .toSorted((a, b) => Number(b.current) - Number(a.current) || b.last_used_at.localeCompare(a.last_used_at))
              .map(({ id, current, address, user_agent: agent, last_used_at: used }) => (
                <li key={id} className="row-line no-wrap">
                  <Icon name="person" className="soft" />
                  <div className="grow">
                    <div className="truncate" title={agent}>
                      {browserName(agent)} {current && <ThisOne />}
                    </div>
                    <div className="small soft">
                      {address}, last used <Ago at={used} />
                    </div>
                  </div>
                  {!current && (
                    <Button small look="quiet" onClick={() => end(id)}>
                      End
                    </Button>
                  )}
                </li>
              ))}
          </ul>
        )}
      </Loaded>
      {asking && (
        <Confirm
          title="Sign out everywhere?"
          verb="Sign out everywhere"
          onClose={() => setAsking(false)}
          run={signOutEverywhere}
        >
          <p>
            All your sessions end, this one too, and tokens of the command line stop working. Reservations and API
            tokens stay.
          </p>
        </Confirm>
      )}
    </section>
  );
}

function ThisOne() {
  return (
    <span className="state good">
      <Icon name="check-circle" />
      This one
    </span>
  );
}
