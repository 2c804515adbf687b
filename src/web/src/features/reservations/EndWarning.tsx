import { useEffect, useRef } from 'react';
import { Link } from 'react-router';
import { Button } from '../../components/Button.tsx';
import { Icon } from '../../components/Icon.tsx';
import { Countdown } from '../../components/Time.tsx';
import { useHeldMachines } from '../../lib/queries.ts';
import { gathered, type Held } from '../../lib/reservations.ts';
import { useNow } from '../../lib/time.ts';
import { useDeeds } from './deeds.ts';

const SOON_MS = 10 * 60_000;
const MORE_MINUTES = 30;

/** Says that a reservation of mine ends soon, on every page, with one click for more time. */
export function EndWarning() {
  const now = useNow();
  const held = useHeldMachines(true).data;
  const { extend } = useDeeds();
  const soon = gathered(held ?? []).filter(({ state, until }) => {
    const left = new Date(until).getTime() - now;
    return state === 'active' && left > 0 && left < SOON_MS;
  });
  useNotifications(soon);
  const [first] = soon;
  if (!first) return null;
  return (
    <div className="banner" role="status">
      <Icon name="stopwatch" />
      <span className="grow">
        <Link to={`/reservations/${first.id}`}>{titleOf(first)}</Link> {first.machines.length === 1 ? 'ends' : 'end'} in{' '}
        <strong>
          <Countdown until={first.until} />
        </strong>
        {soon.length > 1 && `, and ${soon.length - 1} more soon after`}
      </span>
      <Button small onClick={() => extend(first.id, MORE_MINUTES)}>
        {MORE_MINUTES} min more
      </Button>
    </div>
  );
}

/** One notification for each end, where the browser may. */
function useNotifications(soon: readonly Held[]): void {
  const told = useRef(new Set<string>());
  useEffect(() => {
    if (!('Notification' in window) || Notification.permission !== 'granted') return;
    for (const one of soon) {
      const key = `${one.id} ${one.until}`;
      if (told.current.has(key)) continue;
      told.current.add(key);
      // The tag keeps other tabs from saying the same again.
      new Notification('Your reservation ends soon', { body: titleOf(one), tag: key });
    }
  }, [soon]);
}

function titleOf({ machines }: Held): string {
  return machines.length === 1 ? String(machines[0]?.machine) : `${machines.length} machines`;
}
