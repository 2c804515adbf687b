import { useEffect } from 'react';
import { Empty } from '../components/Empty.tsx';
import { start } from '../lib/session.ts';

const AGAIN_MS = 3_000;

/** The server did not answer when the page was opened: it is asked until it does. */
export function Away() {
  useEffect(() => {
    const timer = setInterval(() => void start(), AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <main className="login">
      <title>Not reachable · Berth</title>
      <div className="login-box" role="status">
        <Empty icon="wifi-off" title="Berth is not reachable">
          Its server does not answer. This page tries again every few seconds and goes on by itself.
        </Empty>
      </div>
    </main>
  );
}
