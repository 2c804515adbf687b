import type { MyLimits } from './queries.ts';
import { duration } from './time.ts';

type Limits = MyLimits['limits'];
export type LimitName = keyof Limits;

export const LIMITS: readonly { readonly name: LimitName; readonly words: string; readonly hint?: string }[] = [
  { name: 'machines', words: 'Machines at once' },
  { name: 'reservations', words: 'Reservations at once' },
  { name: 'minutes', words: 'Minutes per reservation' },
  {
    name: 'machine_minutes_ahead',
    words: 'Machine-minutes ahead',
    hint: 'The minutes that all held machines have until their end, added up.',
  },
];

/** What I have of what I may have, in a sentence; null when there is no limit. */
export function standingText({ limits, used }: MyLimits): string | null {
  const held = [
    limits.machines !== null && `${used.machines} of ${counted(limits.machines, 'machine')}`,
    limits.reservations !== null && `${used.reservations} of ${counted(limits.reservations, 'reservation')}`,
    limits.machine_minutes_ahead !== null &&
      `${used.machine_minutes_ahead} of ${counted(limits.machine_minutes_ahead, 'machine-minute')} ahead`,
  ].filter((part) => part !== false);
  const sentences = [
    held.length > 0 && `You hold ${held.join(', ')}.`,
    limits.minutes !== null && `A reservation may last ${duration(limits.minutes * 60_000)}.`,
  ].filter((part) => part !== false);
  return sentences.length > 0 ? sentences.join(' ') : null;
}

/** Why so many machines for so long are too much for me; null when they are not. The server has the last word. */
export function beyondText({ limits, used, admins }: MyLimits, machines: number, minutes: number): string | null {
  const over = (limit: number | null, value: number): limit is number => limit !== null && value > limit;
  const ask = `An admin can raise it: ${admins.join(', ')}.`;
  if (over(limits.reservations, used.reservations + 1)) {
    return `You may hold ${counted(limits.reservations, 'reservation')} at once and hold ${used.reservations}. ${ask}`;
  }
  if (over(limits.machines, used.machines + machines)) {
    return `You may hold ${counted(limits.machines, 'machine')} at once and hold ${used.machines}. ${ask}`;
  }
  if (over(limits.minutes, minutes)) {
    return `A reservation of yours may last ${duration(limits.minutes * 60_000)} at most. ${ask}`;
  }
  if (over(limits.machine_minutes_ahead, used.machine_minutes_ahead + machines * minutes)) {
    return `You may hold ${counted(limits.machine_minutes_ahead, 'machine-minute')} ahead, have ${used.machine_minutes_ahead}, and this takes ${machines * minutes}. ${ask}`;
  }
  return null;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
