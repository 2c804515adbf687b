import { type Common, command, type Program } from '../command.ts';
import { connect } from '../connect.ts';
import { CliError, EXIT } from '../exit.ts';
import { whileWorking } from '../progress.ts';
import { print, printJson } from '../terminal.ts';
import { plain } from '../text.ts';

export function add(program: Program): void {
  program.addCommand(
    command('verify', 'Compare a machine with what Berth knows (admins)')
      .argument('<machine>')
      .option('--repair', 'take away what accounts that are gone have left, and make a missing account again')
      .action(verify),
  );
}

/** Fails when something is found that keeps the machine from being lent, so that scripts can tell. */
async function verify(name: string, options: Common & { repair?: true }): Promise<void> {
  const client = await connect(options);
  const body = { repair: options.repair === true };
  const answer = await whileWorking(`Looking through ${name} ...`, () =>
    client.call('verifyMachine', { params: { name }, body }),
  );
  if (options.json) printJson(answer);
  else {
    for (const { words } of answer.repaired) print(plain(`repaired  ${words}`));
    for (const { words } of answer.findings) print(plain(`found     ${words}`));
    if (answer.findings.length === 0) print(plain(`${name} is as it ought to be.`));
    if (answer.login_keys) print(plain(`note      ${answer.login_keys} keys open the login that Berth uses there`));
  }
  if (!answer.clean) {
    throw new CliError(
      'failed',
      EXIT.failed,
      `${name} is not lent before it is clean`,
      options.repair ? 'Clean it by hand, then: berth verify MACHINE' : 'berth verify MACHINE --repair',
    );
  }
}
