import { usage } from './exit.ts';

const MINUTES = { d: 1_440, h: 60, m: 1 } as const;
const FORM = /^(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?$/;

/**
 * Whole minutes of `90m`, `1h30m`, `2d` or a bare number of minutes.
 * @throws CliError (usage) that says what would be right.
 */
export function minutesOf(text: string): number {
  const written = text.trim().toLowerCase();
  const bare = /^\d{1,6}$/.test(written);
  const [matched, days = 0, hours = 0, minutes = 0] = FORM.exec(bare ? `${written}m` : written) ?? [];
  const total = Number(days) * MINUTES.d + Number(hours) * MINUTES.h + Number(minutes);
  if (matched === undefined || total < 1) {
    throw usage(`"${text}" is no length of time; write one like 90m, 1h30m or 2d (at least 1m)`);
  }
  return total;
}

/** `2d 3h`, `1h 30m`, `45m`, `30s`: the two largest units. */
export function lengthText(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))}s`;
  const minutes = Math.floor(seconds / 60);
  const units = [
    [Math.floor(minutes / MINUTES.d), 'd'],
    [Math.floor((minutes % MINUTES.d) / MINUTES.h), 'h'],
    [minutes % MINUTES.h, 'm'],
  ] as const;
  return units
    .filter(([amount]) => amount > 0)
    .slice(0, 2)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join(' ');
}
