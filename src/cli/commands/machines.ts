import { readFileSync } from 'node:fs';
import type { Answer } from '#contract/routes.ts';
import { type Common, collect, command, group, type Program } from '../command.ts';
import { connect } from '../connect.ts';
import { CliError, EXIT, usage } from '../exit.ts';
import { askSecret, confirm, print, printJson, readInput, say } from '../terminal.ts';
import { counted, plain, table } from '../text.ts';

type Machine = Answer<'getMachine'>;

export function add(program: Program): void {
  const machines = group('machines', 'The machines of the pool');
  machines.addCommand(
    command('list', 'All machines').option('--label <label>', 'only those with it (repeat)', collect).action(list),
  );
  machines.addCommand(command('show', 'One machine').argument('<name>').action(show));
  machines.addCommand(
    command('register', 'Register all machines of a YAML file; may be repeated')
      .argument('<file>')
      .option('--rewrite-localhost <host>', 'write this host where the file says localhost')
      .action(register),
  );
  machines.addCommand(
    command('add', 'Register one machine')
      .argument('<name>')
      .requiredOption('--host <host>', 'host name or address')
      .option('--port <port>', 'port of its SSH server', '22')
      .option('--user <user>', 'login: root, or a user with sudo without a password', 'root')
      .option('--password-stdin', 'read the password from standard input')
      .option('--private-key <file>', 'log in with this key instead of a password')
      .option('--label <label>', 'label (may be repeated)', collect)
      .option('--host-key <key>', 'its public host key, "ssh-ed25519 AAAA..."; otherwise the first contact pins')
      .action(addOne),
  );
  machines.addCommand(
    command('disable', 'Lend them no more; who has them keeps them')
      .argument('<name...>')
      .action((names, options) => change(names, { disabled: true }, options)),
  );
  machines.addCommand(
    command('enable', 'Lend them again')
      .argument('<name...>')
      .action((names, options) => change(names, { disabled: false }, options)),
  );
  machines.addCommand(
    command('delete', 'Forget machines that are free and clean')
      .argument('<name...>')
      .option('-y, --yes', 'do not ask')
      .action(remove),
  );
  machines.addCommand(
    command('accept-key', 'Trust the new host key of a machine in quarantine')
      .argument('<name>')
      .argument('[fingerprint]', 'as the machine itself shows it: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub')
      .action(acceptKey),
  );
  program.addCommand(machines);
}

async function list({ label = [], ...options }: Common & { label?: readonly string[] }): Promise<void> {
  const all = await (await connect(options)).call('listMachines');
  const machines = all.filter((one) => label.every((wanted) => one.labels.includes(wanted)));
  if (options.json) return printJson(machines);
  if (machines.length === 0) return print('No machines. Add some: berth machines register FILE');
  const rows = machines.map((one) => [
    one.name,
    one.host && `${one.host}:${one.port}`,
    one.state,
    one.labels.join(','),
    one.reserved_by,
    one.reason ?? '',
  ]);
  print(table(['name', 'address', 'state', 'labels', 'reserved by', ''], rows));
}

async function show(name: string, options: Common): Promise<void> {
  const machine = await (await connect(options)).call('getMachine', { params: { name } });
  if (options.json) printJson(machine);
  else print(details(machine));
}

function details(machine: Machine): string {
  return Object.entries(machine)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name.replaceAll('_', ' ').padEnd(30)} ${plain(String(value))}`)
    .join('\n');
}

async function register(file: string, options: Common & { rewriteLocalhost?: string }): Promise<void> {
  const [{ readMachinesFile }, { registerMachines }] = await Promise.all([
    import('../machines-file.ts'),
    import('../register-machines.ts'),
  ]);
  const { machines, problems } = readMachinesFile(file, options.rewriteLocalhost ?? null);
  if (problems.length > 0) throw usage(problems.join('\n'), 'Nothing was registered.');
  const client = await connect(options);
  const results = await registerMachines(client, machines, ({ name, outcome, detail }) => {
    if (!options.json) print(plain(`${name}  ${outcome}  ${detail}`));
  });
  const failed = results.filter(({ outcome }) => outcome === 'failed').length;
  if (options.json) printJson({ machines: results, failed });
  if (failed > 0) {
    throw new CliError('failed', EXIT.failed, `${failed} of ${counted(results.length, 'machine')} failed`);
  }
}

interface AddOptions extends Common {
  readonly host: string;
  readonly port: string;
  readonly user: string;
  readonly passwordStdin?: true;
  readonly privateKey?: string;
  readonly label?: readonly string[];
  readonly hostKey?: string;
}

async function addOne(name: string, options: AddOptions): Promise<void> {
  if (!/^\d{1,5}$/.test(options.port)) throw usage(`--port ${options.port}: a number from 1 to 65535 is needed`);
  const body = {
    name,
    host: options.host,
    port: Number(options.port),
    user: options.user,
    ...(options.label && { labels: [...options.label] }),
    ...(options.hostKey !== undefined && { host_key: options.hostKey }),
    ...(await credential(options)),
  };
  const machine = await (await connect(options)).call('registerMachine', { body });
  if (options.json) printJson(machine);
  else print(plain(`Registered ${machine.name}. Berth looks at it now: berth machines show ${machine.name}`));
}

async function credential({ privateKey, passwordStdin, user, host }: AddOptions) {
  if (privateKey === undefined) {
    const otherwise = 'nobody can be asked here; give --password-stdin or --private-key FILE';
    return {
      password: passwordStdin
        ? await readInput('--password-stdin')
        : await askSecret(`Password of ${user} on ${host}`, otherwise),
    };
  }
  if (passwordStdin) throw usage('give --password-stdin or --private-key, not both');
  try {
    return { private_key: readFileSync(privateKey, 'utf8') };
  } catch (error) {
    throw usage(`--private-key ${privateKey}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

async function change(names: readonly string[], body: { disabled: boolean }, options: Common): Promise<void> {
  const client = await connect(options);
  const machines: Machine[] = [];
  for (const name of names) {
    const machine = await client.call('updateMachine', { params: { name }, body });
    machines.push(machine);
    if (!options.json) print(plain(`${machine.name} is ${machine.state}.`));
  }
  if (options.json) printJson(machines);
}

async function remove(names: readonly string[], options: Common & { yes?: true }): Promise<void> {
  const client = await connect(options);
  await confirm(`Forget ${names.join(', ')}?`, options.yes);
  for (const name of names) {
    await client.call('deleteMachine', { params: { name } });
    if (!options.json) print(plain(`${name} is forgotten.`));
  }
  if (options.json) printJson({ deleted: names });
}

async function acceptKey(name: string, given: string | undefined, options: Common): Promise<void> {
  const client = await connect(options);
  let fingerprint = given;
  if (fingerprint === undefined) {
    const { offered_host_key_fingerprint: offered, host_key_fingerprint: pinned } = await client.call('getMachine', {
      params: { name },
    });
    if (offered === null) throw new CliError('conflict', EXIT.conflict, `${name} has offered no other host key`);
    say(plain(`known so far: ${pinned ?? 'none'}`));
    say(plain(`offered now:  ${offered}`));
    say('Look on the machine itself: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub');
    await confirm('Does it show the offered one?', undefined);
    fingerprint = offered;
  }
  const machine = await client.call('updateMachine', { params: { name }, body: { accept_host_key: fingerprint } });
  if (options.json) printJson(machine);
  else print(plain(`${machine.name} is ${machine.state}.`));
}
