import { useParams } from 'react-router';
import { Notice } from '../components/Notice.tsx';
import { Page } from '../components/Page.tsx';
import { TerminalView } from '../features/terminal/TerminalView.tsx';
import { TERMINALS_OFF, useProfile } from '../lib/queries.ts';

export default function TerminalPage() {
  const { id = '', machine = '' } = useParams();
  const terminals = useProfile().data?.terminal;
  return (
    <Page
      title={`Terminal on ${machine}`}
      heading={machine}
      wide
      back={{ to: `/reservations/${id}`, label: 'Reservation' }}
    >
      {terminals === false ? (
        <Notice tone="wait">{TERMINALS_OFF}</Notice>
      ) : (
        <TerminalView reservationId={id} machine={machine} />
      )}
    </Page>
  );
}
