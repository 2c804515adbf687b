import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { useMe } from '../../lib/session.ts';
import { AddToken } from './AddToken.tsx';
import { TokenList } from './TokenList.tsx';

/** What programs sign in by in my name. */
export function TokensPanel() {
  const { isAdmin } = useMe();
  const [adding, setAdding] = useState(false);
  return (
    <section className="panel" aria-labelledby="tokens">
      <div className="panel-head">
        <div>
          <h2 id="tokens">API tokens</h2>
          <div className="small soft">For scripts and CI. A new password revokes them all.</div>
        </div>
        <Button small icon="plus-lg" onClick={() => setAdding(true)}>
          Make a token
        </Button>
      </div>
      <TokenList none="None yet. A token lets a program act in your name, with no more rights than you give it." />
      {adding && <AddToken forAdmin={isAdmin} onClose={() => setAdding(false)} />}
    </section>
  );
}
