import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Confirm } from '../../components/Confirm.tsx';
import { Icon } from '../../components/Icon.tsx';
import { Loaded } from '../../components/Loaded.tsx';
import { Ago } from '../../components/Time.tsx';
import { type ApiToken, useApiTokens } from '../../lib/queries.ts';
import { useNow } from '../../lib/time.ts';
import { useTokenDeeds } from './deeds.ts';

/** My API tokens, or those of the user named `of`. */
export function TokenList({ of = null, none }: { of?: string | null; none: string }) {
  const [revoking, setRevoking] = useState<ApiToken | null>(null);
  const { revoke } = useTokenDeeds(of);
  return (
    <>
      <Loaded
        query={useApiTokens(of)}
        skeleton={
          <div className="panel-body">
            <span className="skeleton skeleton-full" />
          </div>
        }
      >
        {(tokens) =>
          tokens.length === 0 ? (
            <p className="panel-body soft">{none}</p>
          ) : (
            <ul className="lines">
              {tokens.map((token) => (
                <TokenLine key={token.id} token={token} onRevoke={() => setRevoking(token)} />
              ))}
            </ul>
          )
        }
      </Loaded>
      {revoking && (
        <Confirm
          title={`Revoke ${revoking.name}?`}
          verb="Revoke"
          onClose={() => setRevoking(null)}
          run={() => revoke(revoking.id, revoking.name)}
        >
          <p>Programs that use this token are refused from now on. Reservations that they made stay.</p>
        </Confirm>
      )}
    </>
  );
}

function TokenLine({ token, onRevoke }: { token: ApiToken; onRevoke: () => void }) {
  const { name, scopes, expires_at: expires, last_used_at: used } = token;
  const over = useNow() >= new Date(expires).getTime();
  return (
    <li className="row-line no-wrap">
      <Icon name="key" className="soft" />
      <div className="grow">
        <div className="strong truncate">{name}</div>
        <div className="small soft">
          {scopes.join(', ')}; {over ? 'ran out' : 'good until'} <Ago at={expires} />;{' '}
          {used === null ? 'never used' : <>last used {<Ago at={used} />}</>}
        </div>
      </div>
      {over && (
        <span className="state bad">
          <Icon name="x-circle" />
          Expired
        </span>
      )}
      <Button small look="quiet" aria-label={`Revoke the API token ${name}`} onClick={onRevoke}>
        Revoke …
      </Button>
    </li>
  );
}
