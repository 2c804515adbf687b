import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Icon } from '../../components/Icon.tsx';

/** Whether the browser may say that a reservation ends soon. Nothing where a browser cannot. */
export function NotifyPanel() {
  const [permission, setPermission] = useState(() => ('Notification' in window ? Notification.permission : null));
  if (permission === null) return null;
  return (
    <section className="panel" aria-labelledby="notify">
      <div className="panel-head">
        <h2 id="notify">Notifications</h2>
      </div>
      <div className="panel-body row-line spread">
        <span className="grow">
          Ten minutes before a reservation of yours ends
          {permission === 'denied' && (
            <span className="soft"> are forbidden by your browser; allow them in its settings for this site.</span>
          )}
        </span>
        {permission === 'granted' && (
          <span className="state good">
            <Icon name="bell" />
            Allowed
          </span>
        )}
        {permission === 'default' && (
          <Button small icon="bell" onClick={async () => setPermission(await Notification.requestPermission())}>
            Allow
          </Button>
        )}
      </div>
    </section>
  );
}
