import { Fragment } from 'react';
import { Loaded } from '../../components/Loaded.tsx';
import { LIMITS } from '../../lib/limits.ts';
import { type MyLimits, useMyLimits } from '../../lib/queries.ts';

/** How much of the pool I may have, and have. */
export function LimitsPanel() {
  const query = useMyLimits();
  return (
    <section className="panel" aria-labelledby="limits">
      <div className="panel-head">
        <div>
          <h2 id="limits">Limits</h2>
          <div className="small soft">How much of the pool you may have, and have.</div>
        </div>
      </div>
      <div className="panel-body">
        <Loaded query={query} skeleton={<span className="skeleton skeleton-full" />}>
          {(found) => <Facts found={found} />}
        </Loaded>
      </div>
    </section>
  );
}

function Facts({ found: { limits, used, admins } }: { found: MyLimits }) {
  const limited = LIMITS.filter(({ name }) => limits[name] !== null);
  if (limited.length === 0) return <p className="soft">None: you may reserve whatever is free.</p>;
  return (
    <div className="stack-sm">
      <dl className="facts">
        {limited.map(({ name, words }) => (
          <Fragment key={name}>
            <dt>{words}</dt>
            <dd className="num">
              {name === 'minutes' ? `at most ${limits[name]}` : `${used[name]} of ${limits[name]} used`}
            </dd>
          </Fragment>
        ))}
      </dl>
      <p className="small soft">An admin can raise them: {admins.join(', ')}.</p>
    </div>
  );
}
