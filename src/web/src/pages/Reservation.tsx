import { Page } from '../components/Page.tsx';

export default function Reservation() {
  return <Page title="Reservation">…</Page>;
}
