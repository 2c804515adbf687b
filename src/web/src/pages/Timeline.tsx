import { Page } from '../components/Page.tsx';

export default function Timeline() {
  return <Page title="Timeline">…</Page>;
}
