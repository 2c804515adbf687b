import { Page } from '../components/Page.tsx';

export default function Machine() {
  return <Page title="Machine">…</Page>;
}
