import { type Common, command, type Program } from '../command.ts';
import { connect } from '../connect.ts';
import { usage } from '../exit.ts';
import { limitsTable, roleNamed } from '../limit-options.ts';
import { print, printJson } from '../terminal.ts';
import { plain } from '../text.ts';

export function add(program: Program): void {
  program.addCommand(
    command('limits', 'Show how much of the pool you may have, and have')
      .option('-u, --user <name>', 'of that user (admins)')
      .option('--role <role>', 'of each user of that role: user or admin (admins)')
      .action(show),
  );
}

async function show(options: Common & { user?: string; role?: string }): Promise<void> {
  const { user: username, role } = options;
  if (username !== undefined && role !== undefined) throw usage('give --user or --role, not both');
  const asked = role === undefined ? undefined : roleNamed(role);
  const client = await connect(options);
  if (asked !== undefined) {
    const limits = await client.call('roleLimits', { params: { role: asked } });
    if (options.json) printJson(limits);
    else print(limitsTable({ limits }));
    return;
  }
  if (username !== undefined) {
    const answer = await client.call('userLimits', { params: { username } });
    if (options.json) printJson(answer);
    else print(limitsTable(answer));
    return;
  }
  const answer = await client.call('limits');
  if (options.json) return printJson(answer);
  print(limitsTable(answer));
  if (Object.values(answer.limits).some((value) => value !== null)) {
    print(plain(`Can be raised by an admin: ${answer.admins.join(', ')}`));
  }
}
