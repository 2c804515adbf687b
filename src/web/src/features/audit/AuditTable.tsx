import { Link } from 'react-router';
import { Icon } from '../../components/Icon.tsx';
import type { IconName } from '../../components/icon-names.ts';
import { Moment } from '../../components/Time.tsx';
import { VirtualRows } from '../../components/VirtualRows.tsx';
import type { AuditEntry } from '../../lib/queries.ts';
import { actionWords, detailText } from './words.ts';

const ICONS: Readonly<Record<string, IconName>> = {
  machine: 'hdd-stack',
  reservation: 'calendar2-check',
  user: 'person',
  session: 'key',
  terminal: 'terminal',
};

export function AuditTable({ entries }: { entries: readonly AuditEntry[] }) {
  return (
    <div className="panel" role="table" aria-label="What happened" aria-rowcount={entries.length + 1}>
      <div role="rowgroup">
        <div role="row" aria-rowindex={1} className="grid-head cols-audit">
          <span role="columnheader">When</span>
          <span role="columnheader">Who</span>
          <span role="columnheader">What</span>
          <span role="columnheader">Of what</span>
          <span role="columnheader">Details</span>
        </div>
      </div>
      <VirtualRows rows={entries} keyOf={({ id }) => String(id)} className="cols-audit">
        {(entry) => <Row entry={entry} />}
      </VirtualRows>
    </div>
  );
}

function Row({ entry: { at, actor, action, subject, details, address, api_token } }: { entry: AuditEntry }) {
  const { kind, words } = actionWords(action);
  const more = detailText(details);
  const from = [address, api_token && `token ${api_token}`].filter(Boolean).join(', ');
  return (
    <>
      <span role="cell" className="soft audit-when">
        <Moment at={at} />
      </span>
      <span role="cell" className="truncate audit-who" title={from === '' ? actor : `${actor}, ${from}`}>
        {actor}
        {from !== '' && <span className="soft small wide-only"> {from}</span>}
      </span>
      <span role="cell" className="row-line tight no-wrap audit-what" title={action}>
        <Icon name={ICONS[kind] ?? 'info-circle'} />
        <span className="truncate">
          {kind} {words}
        </span>
      </span>
      <span role="cell" className="wide-only truncate" title={subject}>
        <Subject kind={kind} subject={subject} />
      </span>
      <span role="cell" className="wide-only truncate soft small" title={more}>
        {more}
      </span>
    </>
  );
}

function Subject({ kind, subject }: { kind: string; subject: string }) {
  if (kind === 'machine') return <Link to={`/machines/${encodeURIComponent(subject)}`}>{subject}</Link>;
  if (kind === 'reservation' || kind === 'terminal') {
    return (
      <Link className="mono" to={`/reservations/${encodeURIComponent(subject)}`}>
        {subject.slice(0, 8)}
      </Link>
    );
  }
  return subject;
}
