import { Page } from '../components/Page.tsx';

export default function Machines() {
  return <Page title="Machines">…</Page>;
}
