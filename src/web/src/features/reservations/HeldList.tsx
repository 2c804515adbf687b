import { useState } from 'react';
import { Link } from 'react-router';
import { Button } from '../../components/Button.tsx';
import { Icon } from '../../components/Icon.tsx';
import { lookOf, State } from '../../components/State.tsx';
import { Ago, Countdown, Moment } from '../../components/Time.tsx';
import type { HeldMachine } from '../../lib/queries.ts';
import type { Held } from '../../lib/reservations.ts';
import { useNow } from '../../lib/time.ts';
import { ExtendMenu } from './ExtendMenu.tsx';
import { ReleaseButton } from './ReleaseButton.tsx';

/** From here on the end is near. */
const SOON_MS = 10 * 60_000;
const MOST_SHOWN = 8;
/** Each has a clock that ticks. */
const AT_ONCE = 20;

/** Open reservations with the time that is left, and what can be done with them. */
export function HeldList({
  reservations,
  withHolder = false,
}: {
  reservations: readonly Held[];
  withHolder?: boolean;
}) {
  const [most, setMost] = useState(AT_ONCE);
  const more = reservations.length - most;
  return (
    <div className="panel">
      {reservations.slice(0, most).map((one) => (
        <HeldItem key={one.id} held={one} withHolder={withHolder} />
      ))}
      {more > 0 && (
        <div className="panel-body">
          <Button onClick={() => setMost(most * 4)}>
            {more} more reservation{more === 1 ? '' : 's'}
          </Button>
        </div>
      )}
    </div>
  );
}

function HeldItem({ held, withHolder }: { held: Held; withHolder: boolean }) {
  const now = useNow();
  const { id, state, until, machines } = held;
  const names = machines.map(({ machine }) => machine);
  const stuck = machines.filter((one) => one.state === 'cleaning' && one.problem !== null);
  const soon = state === 'active' && new Date(until).getTime() - now < SOON_MS;
  return (
    <article className="held" aria-label={`Reservation of ${names.slice(0, 3).join(', ')}`}>
      <div className="row-line spread">
        <div className="row-line grow">
          {state === 'active' ? (
            <span>
              <span className={`clock ${soon ? 'soon' : ''}`}>
                <Countdown until={until} />
              </span>{' '}
              <span className="soft">
                left, until <Moment at={until} />
              </span>
            </span>
          ) : (
            <State state={state} />
          )}
          {withHolder && (
            <span className="row-line tight soft">
              <Icon name="person" />
              {held.holder}
            </span>
          )}
        </div>
        <div className="row-line">
          <Link className="btn btn-plain btn-sm" to={`/reservations/${id}`}>
            {state === 'active' && !withHolder ? 'Connect' : 'Details'}
          </Link>
          <ExtendMenu id={id} until={until} disabled={state !== 'active'} />
          <ReleaseButton id={id} machines={names} disabled={state === 'ending'} />
        </div>
      </div>
      <ul className="machine-chips">
        {machines.slice(0, MOST_SHOWN).map((one) => (
          <MachineChip key={one.machine} one={one} />
        ))}
        {machines.length > MOST_SHOWN && <li className="small soft">and {machines.length - MOST_SHOWN} more</li>}
      </ul>
      {stuck.slice(0, MOST_SHOWN).map((one) => (
        <div key={one.machine} className="small soft">
          {one.machine} could not be cleaned yet: {one.problem}
          {one.next_try_at !== null && (
            <>
              {' '}
              Next try <Ago at={one.next_try_at} />.
            </>
          )}
        </div>
      ))}
    </article>
  );
}

function MachineChip({ one: { machine, state, problem } }: { one: HeldMachine }) {
  const { icon, tone, word } = lookOf(state);
  return (
    <li>
      <Link className="machine-chip" to={`/machines/${encodeURIComponent(machine)}`} title={problem ?? word}>
        <Icon name={problem ? 'exclamation-triangle' : icon} className={problem ? 'wait' : tone} />
        <span className="truncate">{machine}</span>
        <span className="visually-hidden">{word}</span>
      </Link>
    </li>
  );
}
