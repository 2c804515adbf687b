import { Link } from 'react-router';
import { CopyButton } from '../../components/CopyButton.tsx';
import { Notice } from '../../components/Notice.tsx';
import { Ago, Moment } from '../../components/Time.tsx';
import type { Machine } from '../../lib/queries.ts';
import { addressOf, reasonOf, type Standing } from '../../lib/standings.ts';

/** What is registered about a machine and what Berth found on it. */
export function MachineDetails({ machine }: { machine: Machine }) {
  const { user, labels } = machine;
  const address = addressOf(machine);
  return (
    <section className="panel" aria-labelledby="details">
      <div className="panel-head">
        <h2 id="details">Details</h2>
      </div>
      <div className="panel-body">
        <dl className="facts">
          <dt>Address</dt>
          {address === null ? (
            <dd className="soft">shown while you hold it</dd>
          ) : (
            <dd className="row-line tight no-wrap">
              <span className="mono">{address}</span>
              <CopyButton text={address} of="the address" />
            </dd>
          )}
          {user !== null && (
            <>
              <dt>Login</dt>
              <dd className="mono">{user}</dd>
            </>
          )}
          <dt>Labels</dt>
          <dd className="row-line tight">
            {labels.length === 0 && <span className="soft">none</span>}
            {labels.map((label) => (
              <Link key={label} className="tag" to={`/machines?label=${encodeURIComponent(label)}`}>
                {label}
              </Link>
            ))}
          </dd>
          <dt>Operating system</dt>
          <dd>{machine.operating_system ?? <span className="soft">not looked at yet</span>}</dd>
          <dt>Host key</dt>
          <dd className="row-line tight no-wrap">
            {machine.host_key_fingerprint === null ? (
              <span className="soft">not pinned yet</span>
            ) : (
              <>
                <span className="mono small">{machine.host_key_fingerprint}</span>
                <CopyButton text={machine.host_key_fingerprint} of="the fingerprint" />
              </>
            )}
          </dd>
          <dt>Last look</dt>
          <dd>{machine.probed_at === null ? <span className="soft">never</span> : <Ago at={machine.probed_at} />}</dd>
          <dt>Looked through</dt>
          <dd>
            {machine.verified_at === null ? <span className="soft">not yet</span> : <Ago at={machine.verified_at} />}
          </dd>
          <dt>Registered</dt>
          <dd>
            <Moment at={machine.created_at} />
          </dd>
        </dl>
      </div>
    </section>
  );
}

/** Why it is not lent, and what mends that. */
export function Findings({
  machine,
  problem,
  nextTry,
}: {
  machine: Machine;
  problem: string | null;
  nextTry: string | null;
}) {
  const reason = reasonOf(machine);
  const { findings } = machine;
  if (reason === null && problem === null && findings.length === 0) return null;
  return (
    <Notice tone="wait">
      {reason !== null && <p>{sentence(reason)}</p>}
      {machine.mend !== null && <p>{machine.mend}</p>}
      {findings.length > 0 && (
        <ul>
          {findings.map(({ words }) => (
            <li key={words}>{words}</li>
          ))}
        </ul>
      )}
      {problem !== null && (
        <p>
          {sentence(problem)} Berth tries again by itself
          {nextTry !== null && (
            <>
              , next <Ago at={nextTry} />
            </>
          )}
          .
        </p>
      )}
    </Notice>
  );
}

/** Who has it now. */
export function Holder({ standing, mine, isAdmin }: { standing: Standing; mine: boolean; isAdmin: boolean }) {
  const { machine, held, state } = standing;
  const holder = held?.holder ?? machine.reserved_by;
  if (holder === null) return null;
  const until = held?.reserved_until ?? machine.reserved_until;
  return (
    <section className="panel panel-body row-line spread" aria-label="Holder">
      <span>
        {state === 'cleaning' ? 'Was held by' : 'Held by'} <strong>{holder}</strong>
        {until !== null && state !== 'cleaning' && (
          <span className="soft">
            {' '}
            until <Moment at={until} />
          </span>
        )}
      </span>
      {held !== null && (mine || isAdmin) && (
        <Link className="btn btn-plain btn-sm" to={`/reservations/${held.reservation_id}`}>
          Reservation
        </Link>
      )}
    </section>
  );
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
