import type { Answer } from '#contract/routes.ts';
import { type Common, command, type Program } from '../command.ts';
import { connect } from '../connect.ts';
import { wholeId } from '../find-reservation.ts';
import { print, printJson } from '../terminal.ts';
import { plain } from '../text.ts';

type Reservation = Answer<'getReservation'>;
type Machine = Reservation['machines'][number];

export function add(program: Program): void {
  program.addCommand(
    command('show', 'One reservation, and what became of its accounts')
      .argument('<id>', 'reservation, also one that is over; the first letters do')
      .action(show),
  );
}

async function show(id: string, options: Common): Promise<void> {
  const client = await connect(options);
  const reservation = await client.call('getReservation', { params: { id: await wholeId(client, id, true) } });
  if (options.json) return printJson(reservation);
  const { reservation_id: whole, state, holder, username, reserved_until: until, ended_at: ended } = reservation;
  print(plain(`reservation  ${whole} (${state})`));
  print(plain(`holder       ${holder}`));
  print(plain(`account      ${username}`));
  print(plain(`until        ${until}`));
  if (ended !== null) print(plain(`ended        ${ended} (${reservation.end_reason ?? 'unknown'})`));
  for (const machine of reservation.machines) {
    print(
      plain(
        `\n${machine.machine}  ${machine.state}${machine.state === 'active' ? `  ${machine.host}:${machine.port}` : ''}`,
      ),
    );
    for (const line of becameOf(machine)) print(plain(`  ${line}`));
  }
}

/** What became of an account, line by line. */
function becameOf(machine: Machine): string[] {
  const { removal, problem, next_try_at: next, failed_tries: failed } = machine;
  if (removal === null) {
    if (problem === null) return [];
    return [problem, ...(next === null ? [] : [`next try     ${next}, ${failed} failed so far`])];
  }
  if (removal.outcome === 'absent') return ['There was no account to remove.', ...checks(removal)];
  if (removal.outcome === 'foreign') return ['An account that Berth did not make has this name, and was left alone.'];
  const { processes_killed: killed, sessions_ended: sessions, files_in: files } = removal;
  const areas = files && Object.entries(files).flatMap(([area, n]) => (n > 0 ? [`${area} ${n}`] : []));
  return [
    `removed      ${span(removal)}${removal.uid === null ? '' : `, uid ${removal.uid}`}`,
    ...(sessions === null ? [] : [`sessions     ${sessions} ended`]),
    `processes    ${removal.processes_ended} ended${killed ? `, ${killed} of them by force` : ''}`,
    `files        ${removal.files_removed} removed${areas?.length ? ` (${areas.join(', ')})` : ''}`,
    ...checks(removal),
  ];
}

function span({ started_at: from, ended_at: to, tries }: NonNullable<Machine['removal']>): string {
  const times = [from, to].filter((time) => time !== null).join(' to ') || 'at a time that was not kept';
  return tries !== null && tries > 1 ? `${times}, at try ${tries}` : times;
}

function checks({ checks: all }: NonNullable<Machine['removal']>): string[] {
  return all.length === 0
    ? []
    : [`looked for   ${all.map(({ check, gone }) => `${check} ${gone ? 'gone' : 'LEFT'}`).join(', ')}`];
}
