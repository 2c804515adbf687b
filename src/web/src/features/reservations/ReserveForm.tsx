import { type FormEvent, useId, useMemo, useState } from 'react';
import { useNavigate } from 'react-router';
import { CallFailure } from '#contract/client.ts';
import { Button } from '../../components/Button.tsx';
import { Field } from '../../components/Field.tsx';
import { Notice, Problem } from '../../components/Notice.tsx';
import { beyondText, standingText } from '../../lib/limits.ts';
import { keepPassword } from '../../lib/made-passwords.ts';
import { useMyLimits } from '../../lib/queries.ts';
import { call, useMe } from '../../lib/session.ts';
import type { Standing } from '../../lib/standings.ts';
import { problemText } from '../../lib/toasts.ts';
import { CredentialChoice, type Credentials, credentialProblem, NO_CREDENTIALS } from './CredentialChoice.tsx';
import { EndChoice, type EndWish, endOf } from './EndChoice.tsx';
import { Outcome } from './Outcome.tsx';
import { randomKey } from './random-key.ts';

const MOST_LABELS = 12;

/** Asks for machines. When the server has taken the wish, its own page shows how it comes true. */
export function ReserveForm({ standings }: { standings: readonly Standing[] }) {
  const { isAdmin } = useMe();
  const navigate = useNavigate();
  const [count, setCount] = useState('1');
  const [end, setEnd] = useState<EndWish>({ minutes: 60 });
  const [labels, setLabels] = useState<readonly string[]>([]);
  const [credentials, setCredentials] = useState<Credentials>(NO_CREDENTIALS);
  const [account, setAccount] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  // The same wish sent twice, by an answer that got lost, is one reservation.
  const [wish, setWish] = useState(randomKey);

  const { free, nextEnd } = useMemo(() => {
    const fitting = standings.filter(({ machine }) => labels.every((label) => machine.labels.includes(label)));
    const ends = fitting.flatMap(({ state, machine: { reserved_until: until } }) =>
      state === 'reserved' && until !== null ? [until] : [],
    );
    return { free: fitting.filter(({ state }) => state === 'free').length, nextEnd: ends.sort()[0] ?? null };
  }, [standings, labels]);
  const { data: limits, refetch: askLimits } = useMyLimits();
  const wanted = Number(count);
  const countProblem = Number.isInteger(wanted) && wanted >= 1 ? null : 'A whole number from 1 on.';
  const ready = countProblem === null && credentialProblem(credentials) === null && wanted <= free;
  const beyond = limits && countProblem === null ? beyondText(limits, wanted, endOf(end, Date.now()).minutes) : null;

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const { minutes, problem } = endOf(end, Date.now());
    if (!ready || problem || beyond !== null) return;
    setBusy(true);
    setError(null);
    try {
      const made = await call('createReservation', {
        query: { wait: 0 },
        headers: { 'idempotency-key': wish },
        body: {
          count: wanted,
          duration_minutes: minutes,
          ...(labels.length > 0 && { labels: [...labels] }),
          ...(credentials.kind === 'own' && { reservation_password: credentials.password }),
          ...(credentials.kind === 'keys' && { ssh_public_keys: [...credentials.keys] }),
          ...(account !== '' && { username: account }),
        },
      });
      if (made.password !== undefined) keepPassword(made.reservation_id, made.password);
      await navigate(`/reservations/${made.reservation_id}`);
    } catch (failure) {
      setError(failure);
      setBusy(false);
      if (failure instanceof CallFailure && failure.error === 'limit_reached') void askLimits();
      // What is asked for next is another wish, unless nobody heard this one.
      if (!(failure instanceof TypeError)) setWish(randomKey());
    }
  };

  const fieldProblem = (field: string): string | null =>
    error instanceof Error && error.message.startsWith(`${field}:`) ? problemText(error) : null;
  const shown = fieldProblem('username') ? null : error;

  return (
    <form className="stack-lg" onSubmit={submit} noValidate>
      <CountChoice count={count} onChange={setCount} error={countProblem} hint={limits ? standingText(limits) : null} />
      <EndChoice wish={end} onChange={setEnd} />
      <LabelChoice standings={standings} chosen={labels} onChange={setLabels} />
      <CredentialChoice chosen={credentials} onChange={setCredentials} />
      {isAdmin && (
        <Field
          label="Account name on the machines"
          hint="Leave it empty to use your own name."
          value={account}
          onChange={(event) => setAccount(event.target.value)}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          error={fieldProblem('username')}
        />
      )}
      <Problem error={shown} />
      <div className="stack">
        {beyond === null && (
          <Outcome wanted={countProblem ? 0 : wanted} free={free} end={end} labels={labels} nextEnd={nextEnd} />
        )}
        {beyond !== null && shown === null && (
          <div role="status">
            <Notice tone="wait">{beyond}</Notice>
          </div>
        )}
        <Button type="submit" look="primary" busy={busy} disabled={!ready || beyond !== null}>
          Reserve
        </Button>
      </div>
    </form>
  );
}

function CountChoice({
  count,
  onChange,
  error,
  hint,
}: {
  count: string;
  onChange: (count: string) => void;
  error: string | null;
  hint: string | null;
}) {
  const id = useId();
  const number = Number(count);
  const step = (by: number) => () => onChange(String(Math.max(1, (Number.isInteger(number) ? number : 0) + by)));
  return (
    <div>
      <label className="form-label" htmlFor={id}>
        How many machines
      </label>
      <div className="stepper">
        <button
          type="button"
          className="btn btn-plain btn-icon"
          aria-label="One less"
          disabled={number <= 1}
          onClick={step(-1)}
        >
          −
        </button>
        <input
          id={id}
          className={`form-control num ${error ? 'is-invalid' : ''}`}
          inputMode="numeric"
          autoComplete="off"
          value={count}
          onChange={(event) => onChange(event.target.value)}
          aria-invalid={error !== null}
          aria-describedby={error || hint ? `${id}-below` : undefined}
        />
        <button type="button" className="btn btn-plain btn-icon" aria-label="One more" onClick={step(1)}>
          +
        </button>
      </div>
      {(error || hint) && (
        <div id={`${id}-below`} className={error ? 'invalid-feedback d-block' : 'form-text'}>
          {error || hint}
        </div>
      )}
    </div>
  );
}

/** Only labels that exist: a wish for another one could never come true. */
function LabelChoice({
  standings,
  chosen,
  onChange,
}: {
  standings: readonly Standing[];
  chosen: readonly string[];
  onChange: (labels: readonly string[]) => void;
}) {
  const [all, setAll] = useState(false);
  const labels = useMemo(() => {
    const counts = new Map<string, number>();
    for (const { machine } of standings)
      for (const label of machine.labels) counts.set(label, (counts.get(label) ?? 0) + 1);
    return [...counts].sort(([a, n], [b, m]) => m - n || a.localeCompare(b)).map(([label]) => label);
  }, [standings]);
  if (labels.length === 0) return null;
  const shown = all ? labels : labels.filter((label, index) => index < MOST_LABELS || chosen.includes(label));
  return (
    <fieldset>
      <legend>Only with these labels</legend>
      <div className="chips">
        {shown.map((label) => (
          <label key={label} className="chip">
            <input
              type="checkbox"
              checked={chosen.includes(label)}
              onChange={({ target }) =>
                onChange(target.checked ? [...chosen, label] : chosen.filter((other) => other !== label))
              }
            />
            {label}
          </label>
        ))}
        {shown.length < labels.length && (
          <button type="button" className="btn btn-quiet" onClick={() => setAll(true)}>
            {labels.length - shown.length} more
          </button>
        )}
      </div>
    </fieldset>
  );
}
