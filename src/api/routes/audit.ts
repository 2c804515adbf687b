import { routes } from '#contract/routes.ts';
import { isAdmin } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { AuditEntry } from '#core/pool/pool.ts';
import { auditCsv } from '../audit-csv.ts';
import { authenticate } from '../authenticate.ts';
import type { Events } from '../events.ts';
import type { ApiDeps, Call, Handlers } from '../handler.ts';
import { timeOf } from '../time-of.ts';

const DEFAULT_LIMIT = 100;
const MOST_ENTRIES = 500;
const MOST_CSV_ROWS = 50_000;
/** A listener that has not read this much is let go: it can come back and look afresh. */
const UNREAD_LIMIT_BYTES = 256 * 1024;
const HEARTBEAT_MS = 15_000;
/** How soon a stream ends after its token has stopped working. */
const RECHECK_MS = 5_000;

/** What the pool's changes are about. All others are for admins. */
const FOR_EVERYONE: ReadonlySet<string> = new Set(['machine', 'reservation']);
/** After such a change of its own user a token may not be good any more. */
const SIGN_IN: ReadonlySet<string> = new Set(['user', 'session', 'token']);

export function auditHandlers(deps: ApiDeps, events: Events) {
  return {
    async audit({ query: { from, until, limit, format, before, session, api_token, ...query }, reply }) {
      const filter = {
        ...query,
        ...(session !== undefined && { sessionId: session }),
        ...(api_token !== undefined && { apiToken: api_token }),
        ...(from !== undefined && { from: timeOf('from', from) }),
        ...(until !== undefined && { until: timeOf('until', until) }),
      };
      const list = (before: number | undefined, limit: number) =>
        deps.pool.listAudit({ ...filter, ...(before !== undefined && { before }), limit });
      if (format === 'csv') {
        reply.type('text/csv; charset=utf-8').header('content-disposition', 'attachment; filename="berth-audit.csv"');
        // The framework sends a stream as it is.
        return auditCsv(list, before, limit ?? MOST_CSV_ROWS) as never;
      }
      if (limit !== undefined && limit > MOST_ENTRIES) {
        throw new Refusal(
          'invalid_request',
          `limit: at most ${MOST_ENTRIES} entries, or ${MOST_CSV_ROWS} with format=csv`,
        );
      }
      const most = limit ?? DEFAULT_LIMIT;
      const entries = await list(before, most);
      return {
        entries: entries.map(onWire),
        next: entries.length === most ? (entries.at(-1)?.id ?? null) : null,
      };
    },
    events: (call) => stream(deps, events, call),
  } satisfies Partial<Handlers>;
}

function onWire({ origin, ...entry }: AuditEntry) {
  return {
    ...entry,
    at: entry.at.toISOString(),
    address: origin?.address ?? null,
    session: origin?.sessionId ?? null,
    api_token: origin?.apiToken ?? null,
  };
}

/** Sends changes until the caller goes, the token stops working, or the server ends. */
async function stream(deps: ApiDeps, events: Events, { caller, request, reply }: Call<'events'>): Promise<never> {
  const { raw } = reply;
  const send = (text: string): void => {
    if (raw.writableEnded || raw.destroyed || !raw.headersSent) return;
    if (raw.writableLength > UNREAD_LIMIT_BYTES) raw.destroy();
    else raw.write(text);
  };
  const recheck = (): void => {
    authenticate(deps.accounts, request, routes.events, deps.clock()).catch((error: unknown) => {
      if (error instanceof Refusal && error.code === 'unauthorized') raw.end();
    });
  };
  const stop = await events.listen({
    user: caller.name,
    hear(entry) {
      const kind = entry.action.split('.')[0] as string;
      if (SIGN_IN.has(kind) && entry.subject === caller.name) recheck();
      if (!FOR_EVERYONE.has(kind) && !isAdmin(caller)) return;
      send(`id: ${entry.id}\nevent: ${kind}\ndata: ${JSON.stringify(change(entry))}\n\n`);
    },
    end: () => raw.end(),
  });

  reply.hijack();
  // Caller or server may have gone while this waited.
  if (raw.writableEnded || raw.destroyed) {
    stop();
    return undefined as never;
  }
  const rechecks = setInterval(recheck, RECHECK_MS);
  const heartbeats = setInterval(() => send(': still here\n\n'), HEARTBEAT_MS);
  raw.once('close', () => {
    stop();
    clearInterval(rechecks);
    clearInterval(heartbeats);
  });
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
  raw.write('retry: 1000\n\n');
  return undefined as never;
}

function change({ at, actor, action, subject }: AuditEntry) {
  return { at: at.toISOString(), actor, action, subject };
}
