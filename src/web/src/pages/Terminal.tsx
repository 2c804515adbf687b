import { useParams } from 'react-router';
import { Page } from '../components/Page.tsx';
import { TerminalView } from '../features/terminal/TerminalView.tsx';

export default function TerminalPage() {
  const { id = '', machine = '' } = useParams();
  return (
    <Page
      title={`Terminal on ${machine}`}
      heading={machine}
      wide
      back={{ to: `/reservations/${id}`, label: 'Reservation' }}
    >
      <TerminalView reservationId={id} machine={machine} />
    </Page>
  );
}
