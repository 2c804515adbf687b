import { Page } from '../components/Page.tsx';

export default function Available() {
  return <Page title="Available">…</Page>;
}
