import { Page } from '../components/Page.tsx';

export default function Settings() {
  return <Page title="Settings">…</Page>;
}
