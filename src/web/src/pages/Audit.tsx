import { Page } from '../components/Page.tsx';

export default function Audit() {
  return <Page title="Audit">…</Page>;
}
