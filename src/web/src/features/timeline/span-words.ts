import { lookOf } from '../../components/State.tsx';
import type { Span } from '../../lib/queries.ts';
import { duration, moment } from '../../lib/time.ts';

/** A span in a sentence, for the line below and for screen readers. */
export function spanWords({ machine, username, from, to, state }: Span): string {
  const now = Date.now();
  const [begin, end] = [new Date(from), new Date(to)];
  const length = duration(end.getTime() - begin.getTime());
  return `${machine}: ${username}, ${moment(begin, now)} to ${moment(end, now)} (${length}), ${lookOf(state).word.toLowerCase()}`;
}
