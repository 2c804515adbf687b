import { Page } from '../components/Page.tsx';

export default function Users() {
  return <Page title="Users">…</Page>;
}
