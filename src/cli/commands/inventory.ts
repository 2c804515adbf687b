import { homedir } from 'node:os';
import { join } from 'node:path';
import { command, type Program } from '../command.ts';
import { type ConnectOptions, connect } from '../connect.ts';
import { CliError, EXIT, explain } from '../exit.ts';
import { writePrivately } from '../login-file.ts';
import { knownHosts, type Target, targetOf } from '../ssh.ts';
import { printJson, say } from '../terminal.ts';
import { plain } from '../text.ts';

export function add(program: Program): void {
  program.addCommand(
    command('inventory', 'Your machines as an Ansible inventory')
      .option('--list', 'all of them (what happens anyway)')
      .option('--host <name>', 'the variables of one machine')
      .addHelpText(
        'after',
        `
Ansible wants one file that it can run:
  printf '#!/bin/sh\\nexec berth inventory "$@"\\n' >berth-inventory && chmod +x berth-inventory
  ansible -i berth-inventory berth -m ping
Groups: "berth" with all machines, and "berth_<first letters of the id>" per reservation.`,
      )
      .action(inventory),
  );
}

async function inventory(options: ConnectOptions & { host?: string }): Promise<void> {
  const byReservation = await ownTargets(options);
  const targets = [...byReservation.values()].flat();
  const file = keepKnownHosts(targets);
  const hostvars = Object.fromEntries(targets.map((target) => [target.machine, variables(target, file)]));
  if (options.host !== undefined) return printJson(hostvars[options.host] ?? {});
  const names = (list: readonly Target[]): string[] => list.map(({ machine }) => machine);
  printJson({
    _meta: { hostvars },
    berth: { hosts: names(targets) },
    ...Object.fromEntries([...byReservation].map(([id, list]) => [groupName(id), { hosts: names(list) }])),
  });
}

/** The machines that can be used now. One whose values could mean something to Ansible or ssh is left out, and said so. */
async function ownTargets(options: ConnectOptions): Promise<Map<string, Target[]>> {
  const client = await connect(options);
  const { reservations } = await client.call('listReservations', { query: { mine: true } });
  const ids = [...new Set(reservations.map((one) => one.reservation_id))];
  const details = await Promise.all(ids.map((id) => client.call('getReservation', { params: { id } })));
  const targets = new Map<string, Target[]>();
  for (const reservation of details) {
    const usable = reservation.machines.flatMap((one) => {
      try {
        return [targetOf(reservation, one)];
      } catch (error) {
        say(`berth: left out: ${plain(explain(error).message)}`);
        return [];
      }
    });
    if (usable.length > 0) targets.set(reservation.reservation_id, usable);
  }
  return targets;
}

function variables(target: Target, knownHostsFile: string): Record<string, string | number> {
  return {
    ansible_host: target.host,
    ansible_port: target.port,
    ansible_user: target.account,
    ansible_ssh_common_args: `-o StrictHostKeyChecking=yes -o UserKnownHostsFile=${knownHostsFile} -o GlobalKnownHostsFile=/dev/null -o HostKeyAlias=${target.machine}`,
  };
}

/** Ansible connects after this program has ended, so the pinned keys are kept. */
function keepKnownHosts(targets: readonly Target[]): string {
  const state = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state');
  const file = join(state, 'berth', 'known_hosts');
  if (!/^[\w/.+@-]+$/.test(file)) {
    const message = `${file}: ssh and Ansible would misread such a name`;
    throw new CliError('failed', EXIT.failed, message, 'Set XDG_STATE_HOME to a folder without spaces and quotes.');
  }
  writePrivately(file, knownHosts(targets));
  return file;
}

function groupName(id: string): string {
  return `berth_${id.slice(0, 8).replace(/[^0-9a-f]/g, '_')}`;
}
