import { Link } from 'react-router';
import { Icon } from '../../components/Icon.tsx';
import { useProfile } from '../../lib/queries.ts';

/** Stays until the password is none that everybody knows or can guess. */
export function WeakPasswordBanner() {
  const profile = useProfile().data;
  if (!profile?.default_password && !profile?.weak_password) return null;
  return (
    <div className="banner" role="status">
      <Icon name="shield-exclamation" />
      <span>
        {profile.default_password
          ? 'You are signed in with the password that Berth is shipped with, which everybody knows.'
          : 'Your password breaks the rules: others may guess it.'}{' '}
        <Link to="/settings#password">Change it now</Link>
      </span>
    </div>
  );
}
