import { Loaded } from '../../components/Loaded.tsx';
import { Moment } from '../../components/Time.tsx';
import { useProfile } from '../../lib/queries.ts';

export function ProfilePanel() {
  const query = useProfile();
  return (
    <section className="panel panel-body" aria-label="Profile">
      <Loaded query={query} skeleton={<span className="skeleton skeleton-md" />}>
        {({ user, roles, created_at: added, has_password: hasPassword }) => (
          <div className="avatar-line">
            <span className="avatar" aria-hidden="true">
              {[...user][0]}
            </span>
            <div className="grow">
              <div className="strong truncate">{user}</div>
              <div className="small soft">
                {roles.includes('admin') ? 'Admin' : 'User'} since <Moment at={added} />
                {!hasPassword && ', signed in with your organisation'}
              </div>
            </div>
          </div>
        )}
      </Loaded>
    </section>
  );
}
