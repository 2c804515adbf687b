import { Link } from 'react-router';
import { Icon } from '../../components/Icon.tsx';
import { useProfile } from '../../lib/queries.ts';

/** Stays until the password that everybody knows no longer opens this account. */
export function DefaultPasswordBanner() {
  const profile = useProfile().data;
  if (!profile?.default_password) return null;
  return (
    <div className="banner" role="status">
      <Icon name="shield-exclamation" />
      <span>
        You are signed in with the password that Berth is shipped with, which everybody knows.{' '}
        <Link to="/settings#password">Change it now</Link>
      </span>
    </div>
  );
}
