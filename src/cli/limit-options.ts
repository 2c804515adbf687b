import type { Command } from '@commander-js/extra-typings';
import type { Answer, Part } from '#contract/routes.ts';
import { minutesOf } from './duration.ts';
import { usage } from './exit.ts';
import { table } from './text.ts';

export type GivenLimits = {
  readonly machines?: string;
  readonly reservations?: string;
  readonly minutes?: string;
  readonly machineMinutesAhead?: string;
};
type OwnLimits = Part<'changeUserLimits', 'body'>;
type Values = Answer<'limits'>['limits'];

/** The options that say what limits are to be. */
export function withLimits<Args extends unknown[], Opts extends Record<string, unknown>>(command: Command<Args, Opts>) {
  return command
    .option('--machines <n>', 'machines at once; "none" for no limit, "role" for that of the role')
    .option('--reservations <n>', 'reservations at once')
    .option('--minutes <time>', 'length of one reservation, like 480 or 8h')
    .option('--machine-minutes-ahead <time>', "all machines' minutes until their end added up, like 2400 or 40h");
}

/** @throws CliError (usage) */
export function limitsFrom(given: GivenLimits): OwnLimits {
  const changes: OwnLimits = {
    ...(given.machines !== undefined && { machines: limitOf('machines', given.machines, countOf) }),
    ...(given.reservations !== undefined && { reservations: limitOf('reservations', given.reservations, countOf) }),
    ...(given.minutes !== undefined && { minutes: limitOf('minutes', given.minutes, minutesOf) }),
    ...(given.machineMinutesAhead !== undefined && {
      machine_minutes_ahead: limitOf('machine-minutes-ahead', given.machineMinutesAhead, minutesOf),
    }),
  };
  if (Object.keys(changes).length === 0) {
    throw usage('say what is to change: --machines, --reservations, --minutes or --machine-minutes-ahead');
  }
  return changes;
}

/** @throws CliError (usage) when a value is "role": a role has nothing to fall back to. */
export function withoutRole(changes: OwnLimits): Part<'changeRoleLimits', 'body'> {
  if (Object.values(changes).includes('role')) throw usage('"role" is for users; a role takes a number or "none"');
  return changes as Part<'changeRoleLimits', 'body'>;
}

export function roleNamed(text: string): 'admin' | 'user' {
  if (text === 'admin' || text === 'user') return text;
  throw usage(`"${text}" is no role; there are user and admin`);
}

/** What may be had, what of it is used, and where the value comes from, as far as that is known. */
export function limitsTable(found: { limits: Values; used?: Answer<'limits'>['used']; own?: OwnLimits }): string {
  const { limits, used, own } = found;
  const names = Object.keys(limits) as (keyof Values)[];
  const rows = names.map((name) => [
    name.replaceAll('_', ' '),
    limits[name] === null ? 'no limit' : String(limits[name]),
    ...(used ? [name === 'minutes' ? '' : String(used[name])] : []),
    ...(own ? [own[name] === 'role' ? 'of the role' : 'own'] : []),
  ]);
  return table(['of', 'at most', ...(used ? ['used'] : []), ...(own ? [''] : [])], rows);
}

function limitOf(option: string, text: string, read: (text: string) => number | null): number | null | 'role' {
  if (text === 'none') return null;
  if (text === 'role') return 'role';
  const value = text === '0' ? 0 : read(text);
  if (value === null) throw usage(`--${option}: "${text}" is neither a whole number nor "none" nor "role"`);
  return value;
}

const countOf = (text: string): number | null => (/^\d{1,9}$/.test(text) ? Number(text) : null);
