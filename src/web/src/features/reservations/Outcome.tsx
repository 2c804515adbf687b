import { Notice } from '../../components/Notice.tsx';
import { duration, moment, useNow } from '../../lib/time.ts';
import { type EndWish, endOf } from './EndChoice.tsx';

const MINUTE = 60_000;

/** What will happen, in one sentence. */
export function Outcome({
  wanted,
  free,
  end,
  labels,
  nextEnd,
}: {
  wanted: number;
  free: number;
  end: EndWish;
  labels: readonly string[];
  /** When the next machine of this kind may become free; null when none is held. */
  nextEnd: string | null;
}) {
  const now = useNow();
  const { minutes, problem } = endOf(end, now);
  const which = labels.length > 0 ? ` with ${labels.join(', ')}` : '';
  const machines = `free machine${free === 1 ? '' : 's'}${which}`;
  if (problem) return <Notice tone="wait">Choose an end that is still to come.</Notice>;
  if (wanted > free) {
    return (
      <Notice tone="wait">
        {free === 0 ? `There are no ${machines} right now.` : `There are only ${free} ${machines} right now.`}
        {nextEnd !== null && ` The next reservation ends at ${moment(new Date(nextEnd), now)}.`}
      </Notice>
    );
  }
  return (
    <div aria-live="polite">
      <Notice tone="accent">
        <strong>
          {wanted} of {free} {machines}
        </strong>{' '}
        until <strong className="num">{moment(new Date(now + minutes * MINUTE), now)}</strong>, that is for{' '}
        {duration(minutes * MINUTE)}. Then the accounts and everything in them are removed.
      </Notice>
    </div>
  );
}
