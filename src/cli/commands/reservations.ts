import { type Common, collect, command, type Program } from '../command.ts';
import { connect } from '../connect.ts';
import { lengthText, minutesOf } from '../duration.ts';
import { usage } from '../exit.ts';
import { type ListItem, wholeId } from '../find-reservation.ts';
import { interruptible } from '../interrupt.ts';
import { whileWorking } from '../progress.ts';
import { makePassword, publicKeys, requestFor, type Wanted } from '../reserve-options.ts';
import { type Reservation, reserve } from '../reserving.ts';
import { confirm, print, printJson, readInput } from '../terminal.ts';
import { counted, plain, table } from '../text.ts';

export function add(program: Program): void {
  program.addCommand(command('available', 'Show what is free').action(available));
  program.addCommand(
    command('reserve', 'Reserve machines and wait until they can be used')
      .argument('[count]', 'how many; by default 1, or as many as are named')
      .option('--for <time>', 'how long: 90m, 1h30m, 2d', '1h')
      .option('--label <label>', 'only machines with this label (may be repeated)', collect)
      .option('--machine <name>', 'only this machine (may be repeated)', collect)
      .option('--key <file>', 'public key that may log in (may be repeated)', collect)
      .option('--password-stdin', 'read the password of the accounts from standard input')
      .option('--as <account>', 'name of the Linux account (admins)')
      .option('--no-wait', 'do not wait until the accounts are made')
      .action(reserveMachines),
  );
  program.addCommand(
    command('list', 'List your reservations')
      .option('--all', "everybody's")
      .option('--ended', 'those that are over, newest first')
      .option('--limit <count>', 'with --ended: how many at most, 1 to 100', '20')
      .action(list),
  );
  program.addCommand(
    command('extend', 'Keep a reservation for longer')
      .argument('<id>', 'reservation; the first letters do')
      .argument('<time>', 'by how much: 30m, 2h')
      .option('--shorten', 'move the end nearer instead')
      .action(extend),
  );
  program.addCommand(
    command('release', 'Give machines back now')
      .argument('[id]', 'reservation; the first letters do')
      .argument('[machine]', 'only this machine of it')
      .option('--all', 'end the reservations of everybody (admins)')
      .option('-y, --yes', 'do not ask')
      .action(release),
  );
}

async function available(options: Common): Promise<void> {
  const answer = await (await connect(options)).call('available');
  if (options.json) return printJson(answer);
  const names = (list: readonly string[]): string => plain(list.join(' ')) || '-';
  print(`free         ${String(answer.available.length).padStart(4)}  ${names(answer.available)}`);
  print(`reserved     ${String(answer.reserved.length).padStart(4)}  ${names(answer.reserved)}`);
  print(`cleaning     ${String(answer.cleaning.length).padStart(4)}  ${names(answer.cleaning)}`);
  print(`unavailable  ${String(answer.unavailable.length).padStart(4)}`);
  for (const { name, reason } of answer.unavailable) print(`  ${plain(name)}: ${plain(reason)}`);
}

interface ReserveOptions extends Common, Wanted {
  readonly key?: readonly string[];
  readonly passwordStdin?: true;
  readonly wait: boolean;
}

async function reserveMachines(count: string | undefined, options: ReserveOptions): Promise<void> {
  const request = requestFor(count, options);
  const keys = publicKeys(options.key ?? []);
  const given = options.passwordStdin ? await readInput('--password-stdin') : null;
  const made = given === null && keys.length === 0 ? makePassword() : null;
  const password = given ?? made;
  const client = await connect(options);
  const body = {
    ...request,
    ...(keys.length > 0 && { ssh_public_keys: keys }),
    ...(password !== null && { reservation_password: password }),
  };
  const reservation = await interruptible((stop) =>
    whileWorking(`Preparing ${counted(request.count ?? 1, 'machine')} ...`, () =>
      reserve(client, body, options.wait, stop),
    ),
  );
  if (options.json) return printJson({ ...reservation, ...(made !== null && { password: made }) });
  show(reservation);
  if (made !== null) print(`password     ${made}   (shown only now)`);
  const [first] = reservation.machines;
  if (first) print(`\nLog in with: berth ssh ${plain(first.machine)}`);
}

function show(reservation: Reservation): void {
  const { reservation_id: id, username, state, reserved_until: until } = reservation;
  print(plain(`reservation  ${id} (${state})`));
  print(plain(`until        ${until}`));
  print(plain(`account      ${username}`));
  const rows = reservation.machines.map((one) => [one.machine, one.host, String(one.port), one.state]);
  print(table(['machine', 'host', 'port', 'state'], rows));
}

async function list(options: Common & { all?: true; ended?: true; limit: string }): Promise<void> {
  if (options.ended) return await listEnded(options);
  const query = options.all ? {} : { mine: true };
  const answer = await (await connect(options)).call('listReservations', { query });
  if (options.json) return printJson(answer);
  if (answer.reservations.length === 0) return print('No reservations.');
  const rows = answer.reservations.map((one) => [
    one.reservation_id,
    one.machine,
    one.username,
    one.host,
    one.port === null ? null : String(one.port),
    one.state,
    lengthText(one.seconds_remaining),
    ...(options.all ? [one.holder] : []),
    problemText(one),
  ]);
  const head = ['reservation', 'machine', 'account', 'host', 'port', 'state', 'left'];
  print(table([...head, ...(options.all ? ['holder'] : []), ''], rows));
}

async function listEnded(options: Common & { all?: true; limit: string }): Promise<void> {
  if (!/^[1-9]\d?$|^100$/.test(options.limit))
    throw usage(`--limit ${options.limit}: a number from 1 to 100 is needed`);
  const query = { state: 'ended', limit: Number(options.limit), mine: options.all === undefined } as const;
  const answer = await (await connect(options)).call('listReservations', { query });
  if (options.json) return printJson(answer);
  if (answer.reservations.length === 0) return print('No reservations that are over.');
  const rows = answer.reservations.map((one) => [
    one.reservation_id,
    one.machine,
    one.holder,
    one.ended_at,
    one.end_reason,
    one.state,
    problemText(one),
  ]);
  print(table(['reservation', 'machine', 'holder', 'ended', 'because', 'account', ''], rows));
  print('\nWhat became of the accounts: berth show RESERVATION');
}

/** What could not be removed yet, and when that is tried again. */
function problemText({ problem, next_try_at: next }: ListItem): string {
  return problem === null ? '' : next === null ? problem : `${problem} (next try ${next})`;
}

async function extend(id: string, time: string, options: Common & { shorten?: true }): Promise<void> {
  const minutes = minutesOf(time) * (options.shorten ? -1 : 1);
  const client = await connect(options);
  const answer = await client.call('extend', { params: { id: await wholeId(client, id) }, body: { minutes } });
  if (options.json) printJson(answer);
  else print(plain(`Yours until ${answer.reserved_until}.`));
}

async function release(
  id: string | undefined,
  machine: string | undefined,
  options: Common & { all?: true; yes?: true },
): Promise<void> {
  if (options.all ? id !== undefined : id === undefined) {
    throw usage('say which reservation: berth release ID, or --all for the reservations of everybody', 'berth list');
  }
  const client = await connect(options);
  if (id === undefined) {
    await confirm('End the reservations of everybody, now?', options.yes);
    const answer = await client.call('releaseAllByPost');
    return options.json ? printJson(answer) : print(plain(answer.message));
  }
  const params = { id: await wholeId(client, id) };
  const answer =
    machine === undefined
      ? await client.call('release', { params })
      : await client.call('releaseMachine', { params: { ...params, machine } });
  if (options.json) printJson(answer);
  else print(machine === undefined ? 'Given back.' : plain(`Given back: ${machine}.`));
}
