import { Option } from '@commander-js/extra-typings';
import type { Answer } from '#contract/routes.ts';
import { type Common, command, group, type Program } from '../command.ts';
import { connect } from '../connect.ts';
import { CliError, EXIT, usage } from '../exit.ts';
import { confirm, print, printJson, say } from '../terminal.ts';
import { plain, table } from '../text.ts';

type Token = Answer<'listApiTokens'>['tokens'][number];
type Scope = Token['scopes'][number];

const SCOPES: readonly Scope[] = ['read', 'reserve', 'machines', 'admin'];
const DEFAULT_DAYS = '90';
const ofUser = () => new Option('--user <name>', 'of this user (admins)');

export function add(program: Program): void {
  const tokens = group('tokens', 'API tokens, for programs');
  tokens.addCommand(command('list', 'Your API tokens').addOption(ofUser()).action(list));
  tokens.addCommand(
    command('create', 'Make an API token; it is printed this once')
      .argument('<name>')
      .addOption(
        new Option('--scope <scope>', 'what it may be used for; may be repeated (read)')
          .choices(SCOPES)
          .argParser((value: string, earlier: readonly Scope[] | undefined) => [...(earlier ?? []), scopeOf(value)]),
      )
      .option('--days <days>', 'how long it is good, 1 to 366', DEFAULT_DAYS)
      .addOption(new Option('--user <name>', 'for this service account (admins)'))
      .action(create),
  );
  tokens.addCommand(
    command('revoke', 'End an API token')
      .argument('<name>', 'its name or id')
      .addOption(ofUser())
      .option('-y, --yes', 'do not ask')
      .action(revoke),
  );
  program.addCommand(tokens);
}

function scopeOf(word: string): Scope {
  const scope = SCOPES.find((one) => one === word);
  if (!scope) throw usage(`--scope ${word}: it is one of ${SCOPES.join(', ')}`);
  return scope;
}

interface OfUser extends Common {
  readonly user?: string | undefined;
}

async function tokensOf(options: OfUser): Promise<Token[]> {
  const client = await connect(options);
  const { tokens } =
    options.user === undefined
      ? await client.call('listApiTokens')
      : await client.call('listApiTokensOf', { params: { username: options.user } });
  return tokens;
}

async function list(options: OfUser): Promise<void> {
  const tokens = await tokensOf(options);
  if (options.json) return printJson(tokens);
  const rows = tokens.map((one) => [
    one.name,
    one.scopes.join(','),
    one.expires_at,
    one.last_used_at ?? 'never',
    one.id,
  ]);
  print(table(['name', 'scopes', 'good until', 'last used', 'id'], rows));
}

async function create(
  name: string,
  options: OfUser & { scope?: readonly Scope[] | undefined; days: string },
): Promise<void> {
  if (!/^\d{1,3}$/.test(options.days)) throw usage(`--days ${options.days}: give a number of days, 1 to 366`);
  const body = {
    name,
    scopes: [...new Set(options.scope ?? (['read'] as const))],
    expires_in_days: Number(options.days),
  };
  const client = await connect(options);
  const made =
    options.user === undefined
      ? await client.call('createApiToken', { body })
      : await client.call('createApiTokenFor', { params: { username: options.user }, body });
  if (options.json) return printJson(made);
  say(`Good until ${made.expires_at}. It is not shown again:`);
  print(made.token);
}

async function revoke(name: string, options: OfUser & { yes?: true }): Promise<void> {
  const token = (await tokensOf(options)).find((one) => one.id === name || one.name === name);
  if (!token) throw new CliError('not_found', EXIT.notFound, `there is no API token named "${plain(name)}"`);
  await confirm(`Revoke the API token ${plain(token.name)}? Programs that use it stop working.`, options.yes);
  const client = await connect(options);
  const { id } = token;
  const answer =
    options.user === undefined
      ? await client.call('revokeApiToken', { params: { id } })
      : await client.call('revokeApiTokenOf', { params: { username: options.user, id } });
  if (options.json) printJson(answer);
  else print(plain(`Revoked ${token.name}.`));
}
