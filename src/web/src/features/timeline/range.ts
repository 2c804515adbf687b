const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How much time fits on the screen, from the closest look to the widest. */
export const ZOOMS = [
  { span: 6 * HOUR, label: '6 h' },
  { span: DAY, label: '1 day' },
  { span: 3 * DAY, label: '3 days' },
  { span: 7 * DAY, label: '1 week' },
  { span: 28 * DAY, label: '4 weeks' },
] as const;

/** What is seen: from a moment on (epoch milliseconds), for so long. */
export interface Range {
  readonly from: number;
  readonly span: number;
}

/** Where a moment stands, in percent of the width. */
export function place(at: number, { from, span }: Range): number {
  return ((at - from) / span) * 100;
}

/** Now stands here, as a part of the width, while the range follows it. */
export const NOW_AT = 0.45;

/** A wider range in large steps, so that moving about a little asks the server for nothing new. */
export function fetched({ from, span }: Range): { from: number; to: number } {
  return { from: Math.floor((from - span / 2) / span) * span, to: Math.ceil((from + span * 1.5) / span) * span };
}

export interface Tick {
  readonly at: number;
  readonly label: string;
  /** The first of a day or week is drawn stronger. */
  readonly strong: boolean;
}

const hour = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric', month: 'short' });

const STEPS = [HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY];
const LABEL_PX = 84;

/** Round local times in the range, as many as have room side by side in `width` pixels. */
export function ticks({ from, span }: Range, width: number): Tick[] {
  const step = STEPS.find((one) => (span / one) * LABEL_PX <= width) ?? span;
  const found: Tick[] = [];
  // Days are walked as dates, so that midnight stays midnight when the clocks change.
  const days = Math.max(1, Math.round(step / DAY));
  const cursor = new Date(from);
  cursor.setHours(0, 0, 0, 0);
  // Several days in one: from Monday on, wherever the range begins.
  if (days > 1) cursor.setDate(cursor.getDate() - ((cursor.getDay() + 6) % 7));
  while (cursor.getTime() < from + span) {
    const begin = cursor.getTime();
    cursor.setDate(cursor.getDate() + days);
    const by = days > 1 ? cursor.getTime() - begin : step;
    for (let at = begin; at < cursor.getTime(); at += by) {
      const strong = at === begin;
      if (at >= from && at <= from + span) found.push({ at, strong, label: (strong ? day : hour).format(at) });
    }
  }
  return found;
}
