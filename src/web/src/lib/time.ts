import { useSyncExternalStore } from 'react';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'short', hour: 'numeric', minute: '2-digit' });
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' });
const dateYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' });
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** "4 h 12 min", "12 min", "45 s": the two largest parts. Zero and less is "0 s". */
export function duration(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  const [large, unit, rest, restUnit] =
    ms < DAY
      ? [Math.floor(ms / HOUR), 'h', Math.floor((ms % HOUR) / MINUTE), 'min']
      : [Math.floor(ms / DAY), 'd', Math.floor((ms % DAY) / HOUR), 'h'];
  return rest === 0 ? `${large} ${unit}` : `${large} ${unit} ${rest} ${restUnit}`;
}

/** A countdown that shows seconds only near the end: "1 h 02 min", "9:41". */
export function countdown(ms: number): string {
  const left = Math.max(0, ms);
  if (left >= HOUR) return duration(left);
  const seconds = Math.floor(left / SECOND);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** The moment as people here write it: the time alone today, with the day when it is another. */
export function moment(at: Date, now: number): string {
  const day = startOfDay(at);
  const today = startOfDay(new Date(now));
  if (day === today) return clock.format(at);
  if (Math.abs(day - today) < 6 * DAY) return weekday.format(at);
  return Math.abs(day - today) < 300 * DAY ? date.format(at) : dateYear.format(at);
}

/** "in 4 min", "3 h ago", "just now". */
export function relative(at: Date, now: number): string {
  const distance = at.getTime() - now;
  if (Math.abs(distance) < 45 * SECOND) return distance > 5 * SECOND ? 'in a moment' : 'just now';
  const away = Math.abs(distance);
  const rounded = away < HOUR ? Math.round(away / MINUTE) * MINUTE : away < DAY ? Math.round(away / HOUR) * HOUR : away;
  const words = away < DAY ? duration(rounded) : `${Math.round(away / DAY)} d`;
  return distance > 0 ? `in ${words}` : `${words} ago`;
}

/** All of it, with the zone: for hovering. */
export function fullTime(at: Date): string {
  return `${full.format(at)} (${zone})`;
}

/** A moment as `<input type="datetime-local">` has it: local time, to the minute. */
export function localInput(at: Date): string {
  const local = new Date(at.getTime() - at.getTimezoneOffset() * MINUTE);
  return local.toISOString().slice(0, 16);
}

function startOfDay(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}

/** One timer for all clocks of the page; it rests while nobody looks. */
function ticker(everyMs: number) {
  const listeners = new Set<() => void>();
  let now = Date.now();
  let timer: ReturnType<typeof setInterval> | undefined;
  const tick = (): void => {
    now = Date.now();
    for (const listener of listeners) listener();
  };
  return {
    subscribe(listener: () => void) {
      if (listeners.size === 0) {
        now = Date.now();
        timer = setInterval(tick, everyMs);
      }
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) clearInterval(timer);
      };
    },
    read: () => now,
  };
}

const seconds = ticker(SECOND);
const halfMinutes = ticker(30 * SECOND);

/** Now, in epoch milliseconds, renewed each second or each half minute. */
export function useNow(pace: 'second' | 'half-minute' = 'half-minute'): number {
  const { subscribe, read } = pace === 'second' ? seconds : halfMinutes;
  return useSyncExternalStore(subscribe, read);
}
