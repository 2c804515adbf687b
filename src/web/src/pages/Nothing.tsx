import { Link } from 'react-router';
import { Empty } from '../components/Empty.tsx';
import { Page } from '../components/Page.tsx';

const home = (
  <Link className="btn btn-plain" to="/">
    To the dashboard
  </Link>
);

export function NotFound() {
  return (
    <Page title="Not found">
      <div className="panel">
        <Empty icon="search" title="There is no such page" actions={home}>
          The address may be mistyped, or what it showed is gone.
        </Empty>
      </div>
    </Page>
  );
}

export function AdminsOnly() {
  return (
    <Page title="For admins">
      <div className="panel">
        <Empty icon="shield-lock" title="This page is for admins" actions={home}>
          Your account has no right to see it. Ask an admin of this Berth if you need it.
        </Empty>
      </div>
    </Page>
  );
}
