import { countdown, fullTime, moment, relative, useNow } from '../lib/time.ts';

/** How far away a moment is; the whole of it, with the zone, on hover. */
export function Ago({ at }: { at: string }) {
  const now = useNow();
  const date = new Date(at);
  return (
    <time dateTime={at} title={fullTime(date)}>
      {relative(date, now)}
    </time>
  );
}

/** A moment in local time, with the day where it is not today. */
export function Moment({ at }: { at: string }) {
  const now = useNow();
  const date = new Date(at);
  return (
    <time dateTime={at} title={fullTime(date)} className="num">
      {moment(date, now)}
    </time>
  );
}

/** Time that is left, by the second. */
export function Countdown({ until }: { until: string }) {
  const now = useNow('second');
  const date = new Date(until);
  return (
    <time dateTime={until} title={fullTime(date)} className="num">
      {countdown(date.getTime() - now)}
    </time>
  );
}
