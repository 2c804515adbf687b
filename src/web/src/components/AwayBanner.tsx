import { useLink } from '../lib/live.ts';
import { Icon } from './Icon.tsx';

/** While the server does not answer: what is seen is what was known last. */
export function AwayBanner() {
  const away = useLink() === 'away';
  return (
    <div role="status" aria-live="polite">
      {away && (
        <div className="banner away">
          <Icon name="wifi-off" />
          <span>
            <strong>Berth is not reachable.</strong> You see what was known last; the page goes on by itself as soon as
            it answers.
          </span>
        </div>
      )}
    </div>
  );
}
