import { Moment } from '../../components/Time.tsx';
import type { ReservationMachine } from '../../lib/queries.ts';

type Removal = NonNullable<ReservationMachine['removal']>;

const AREAS: Readonly<Record<string, string>> = {
  home: 'in its home',
  temporary: 'where everybody may write',
  mail: 'mailboxes',
  jobs: 'jobs',
};

const CHECKS: Readonly<Record<string, string>> = {
  account: 'account',
  group: 'group',
  processes: 'processes',
  sessions: 'sessions',
  home: 'home',
  jobs: 'waiting jobs',
  files: 'files left elsewhere',
  ipc: 'shared memory',
};

/** What was found of an account that is gone, what was done about it, and what was looked for again afterwards. */
export function RemovalReport({ removal }: { removal: Removal }) {
  if (removal.outcome === 'foreign') {
    return <span className="soft">An account that Berth did not make has this name, and was left alone.</span>;
  }
  const { started_at: from, ended_at: to, tries, checks } = removal;
  const areas = Object.entries(removal.files_in ?? {}).filter(([, n]) => n > 0);
  return (
    <div className="stack-sm">
      <span className="soft">
        {removal.outcome === 'absent' ? 'There was no account any more.' : 'The account is gone.'}
      </span>
      <dl className="facts">
        {to !== null && (
          <>
            <dt>Removed</dt>
            <dd>
              <Moment at={to} />
              {from !== null && <span className="soft"> within {seconds(from, to)}</span>}
              {tries !== null && tries > 1 && <span className="soft">, at try {tries}</span>}
            </dd>
          </>
        )}
        {removal.sessions_ended !== null && (
          <>
            <dt>Sessions</dt>
            <dd>{removal.sessions_ended} ended</dd>
          </>
        )}
        <dt>Processes</dt>
        <dd>
          {removal.processes_ended} ended
          {removal.processes_killed ? <span className="soft">, {removal.processes_killed} by force</span> : null}
        </dd>
        <dt>Files</dt>
        <dd>
          {removal.files_removed} removed
          {areas.length > 0 && (
            <div className="soft">{areas.map(([area, n]) => `${n} ${AREAS[area] ?? area}`).join(', ')}</div>
          )}
        </dd>
        {checks.length > 0 && (
          <>
            <dt>Checked after</dt>
            <dd>{checks.map(({ check, gone }) => `${CHECKS[check] ?? check} ${gone ? 'gone' : 'left'}`).join(', ')}</dd>
          </>
        )}
      </dl>
    </div>
  );
}

function seconds(from: string, to: string): string {
  const length = (new Date(to).getTime() - new Date(from).getTime()) / 1000;
  return `${length < 10 ? length.toFixed(1) : Math.round(length)} s`;
}
