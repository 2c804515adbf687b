import { Page } from '../components/Page.tsx';

export default function Reservations() {
  return <Page title="Reservations">…</Page>;
}
