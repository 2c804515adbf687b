import { type Common, command, group, type Program } from '../command.ts';
import { connect } from '../connect.ts';
import { usage } from '../exit.ts';
import { type GivenLimits, limitsFrom, limitsTable, roleNamed, withLimits, withoutRole } from '../limit-options.ts';
import { askSecret, confirm, print, printJson, readInput } from '../terminal.ts';
import { plain, table } from '../text.ts';

export function add(program: Program): void {
  const users = group('users', 'Who may sign in (admins)');
  users.addCommand(command('list', 'All users').action(list));
  users.addCommand(
    command('add', 'Add a user')
      .argument('<name>')
      .option('--admin', 'may manage machines and users')
      .option('--service', 'a service account: no password, only API tokens (berth tokens create --user)')
      .option('--password-stdin', 'read the password from standard input')
      .action(addOne),
  );
  users.addCommand(
    command('delete', 'End all reservations of a user, then remove the user')
      .argument('<name>')
      .option('-y, --yes', 'do not ask')
      .action(remove),
  );
  users.addCommand(
    command('disable', 'Let a user sign in no more')
      .argument('<name>')
      .action((name, options) => change(name, { disabled: true }, 'may not sign in any more', options)),
  );
  users.addCommand(
    command('enable', 'Let a user sign in again')
      .argument('<name>')
      .action((name, options) => change(name, { disabled: false }, 'may sign in', options)),
  );
  users.addCommand(
    command('set-password', 'Give a user another password')
      .argument('<name>')
      .option('--password-stdin', 'read the password from standard input')
      .action(async (name, options) =>
        change(name, { password: await newPassword(name, options) }, 'has another password', options),
      ),
  );
  users.addCommand(
    withLimits(command('set-limits', 'Change how much of the pool a user may have').argument('<name>')).action(
      setLimitsOfUser,
    ),
  );
  users.addCommand(
    withLimits(
      command('set-role-limits', 'Change how much of the pool each user of a role may have').argument(
        '<role>',
        'user or admin',
      ),
    ).action(setLimitsOfRole),
  );
  program.addCommand(users);
}

async function list(options: Common): Promise<void> {
  const users = await (await connect(options)).call('listUsers');
  if (options.json) return printJson(users);
  const rows = users.map((one) => [
    one.username,
    one.is_admin ? 'admin' : 'user',
    [one.service ? 'service' : '', one.disabled ? 'disabled' : ''].filter((word) => word !== '').join(', '),
    one.created_at,
  ]);
  print(table(['name', 'role', '', 'since'], rows));
}

interface WithPassword extends Common {
  readonly passwordStdin?: true;
}

async function addOne(username: string, options: WithPassword & { admin?: true; service?: true }): Promise<void> {
  if (options.service && options.passwordStdin) throw usage('give --service or --password-stdin, not both');
  const kind = options.service ? { service: true } : { password: await newPassword(username, options) };
  const body = { username, ...kind, is_admin: options.admin ?? false };
  const user = await (await connect(options)).call('createUser', { body });
  if (options.json) printJson(user);
  else print(plain(`Added ${user.username}.`));
}

async function remove(username: string, options: Common & { yes?: true }): Promise<void> {
  const client = await connect(options);
  await confirm(`Remove ${username} and end all that ${username} has reserved?`, options.yes);
  const answer = await client.call('deleteUser', { params: { username } });
  if (options.json) printJson(answer);
  else print(plain(`Removed ${username}.`));
}

async function change(
  username: string,
  body: { disabled: boolean } | { password: string },
  done: string,
  options: Common,
): Promise<void> {
  const user = await (await connect(options)).call('updateUser', { params: { username }, body });
  if (options.json) printJson(user);
  else print(plain(`${user.username} ${done}.`));
}

async function setLimitsOfUser(username: string, options: Common & GivenLimits): Promise<void> {
  const body = limitsFrom(options);
  const answer = await (await connect(options)).call('changeUserLimits', { params: { username }, body });
  if (options.json) printJson(answer);
  else print(limitsTable(answer));
}

async function setLimitsOfRole(name: string, options: Common & GivenLimits): Promise<void> {
  const role = roleNamed(name);
  const body = withoutRole(limitsFrom(options));
  const limits = await (await connect(options)).call('changeRoleLimits', { params: { role }, body });
  if (options.json) printJson(limits);
  else print(limitsTable({ limits }));
}

async function newPassword(username: string, { passwordStdin }: WithPassword): Promise<string> {
  if (passwordStdin) return await readInput('--password-stdin');
  return await askSecret(`New password of ${username}`, 'nobody can be asked here; give --password-stdin');
}
