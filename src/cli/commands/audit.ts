import { type Common, command, type Program } from '../command.ts';
import { connect } from '../connect.ts';
import { usage } from '../exit.ts';
import { print, printJson } from '../terminal.ts';
import { jsonText, table } from '../text.ts';

const MOST_AT_ONCE = 500;

export function add(program: Program): void {
  program.addCommand(
    command('audit', 'Who did what, newest first (admins)')
      .option('--actor <name>', 'only what this user (or scheduler) did')
      .option('--action <action>', 'only this, e.g. reservation.made')
      .option('--subject <name>', 'only about this machine, user or reservation')
      .option('--address <address>', 'only what came from there')
      .option('--session <id>', 'only what was done with this session')
      .option('--api-token <name>', 'only what was done with API tokens of this name')
      .option('--from <time>', 'from then on, e.g. 2026-01-31T12:00:00Z')
      .option('--until <time>', 'up to then')
      .option('-n, --limit <number>', 'how many', '50')
      .action(audit),
  );
}

interface AuditOptions extends Common {
  readonly actor?: string;
  readonly action?: string;
  readonly subject?: string;
  readonly address?: string;
  readonly session?: string;
  readonly apiToken?: string;
  readonly from?: string;
  readonly until?: string;
  readonly limit: string;
}

async function audit({
  actor,
  action,
  subject,
  address,
  session,
  apiToken,
  from,
  until,
  limit,
  ...options
}: AuditOptions): Promise<void> {
  if (!/^[1-9]\d{0,6}$/.test(limit)) throw usage(`--limit ${limit}: a number like 50 is needed`);
  const client = await connect(options);
  const origin = { address, session, api_token: apiToken };
  const filter = { actor, action, subject, ...origin, from: time('--from', from), until: time('--until', until) };
  const entries = [];
  for (let before: number | undefined, wanted = Number(limit); wanted > 0; ) {
    const page = await client.call('audit', {
      query: { ...filter, before, limit: Math.min(wanted, MOST_AT_ONCE) },
    });
    entries.push(...page.entries);
    wanted -= page.entries.length;
    if (page.next === null) break;
    before = page.next;
  }
  if (options.json) return printJson({ entries });
  if (entries.length === 0) return print('Nothing of that kind happened.');
  const rows = entries.map((one) => [
    ...[one.at, one.actor, one.address ?? '', one.action, one.subject],
    jsonText(one.api_token === null ? one.details : { api_token: one.api_token, ...one.details }),
  ]);
  print(table(['when', 'who', 'from', 'what', 'about', ''], rows));
}

/** The server wants a zone; a time without one is taken as UTC. */
function time(option: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const at = new Date(/^\d{4}-\d\d-\d\d(T[\d:.]+)?$/.test(text) && text.includes('T') ? `${text}Z` : text);
  if (Number.isNaN(at.getTime())) throw usage(`${option} ${text}: a time like 2026-01-31T12:00:00Z is needed`);
  return at.toISOString();
}
