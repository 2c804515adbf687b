import { Field } from '../../components/Field.tsx';
import { duration, localInput } from '../../lib/time.ts';

/** For so long from now, or until a moment (as `<input type="datetime-local">` has it). */
export type EndWish = { readonly minutes: number } | { readonly until: string };

const MINUTE = 60_000;
const CHIPS = [30, 60, 120, 240, 480, 1440, 10_080];

/** Whole minutes from now to the end that is wished, and what is wrong with the wish. */
export function endOf(wish: EndWish, now: number): { minutes: number; problem: string | null } {
  if ('minutes' in wish) return { minutes: wish.minutes, problem: null };
  const minutes = Math.ceil((new Date(wish.until).getTime() - now) / MINUTE);
  if (Number.isNaN(minutes)) return { minutes: 0, problem: 'Give a date and a time.' };
  return { minutes, problem: minutes < 1 ? 'This is in the past.' : null };
}

export function EndChoice({ wish, onChange }: { wish: EndWish; onChange: (wish: EndWish) => void }) {
  const exact = 'until' in wish;
  return (
    <fieldset className="stack-sm">
      <legend>For how long</legend>
      <div className="chips">
        {CHIPS.map((minutes) => (
          <label key={minutes} className="chip">
            <input
              type="radio"
              name="end"
              checked={!exact && wish.minutes === minutes}
              onChange={() => onChange({ minutes })}
            />
            {duration(minutes * MINUTE)}
          </label>
        ))}
        <label className="chip">
          <input
            type="radio"
            name="end"
            checked={exact}
            onChange={() =>
              onChange({ until: localInput(new Date(Date.now() + endOf(wish, Date.now()).minutes * MINUTE)) })
            }
          />
          Until …
        </label>
      </div>
      {exact && (
        <Field
          label="Exact end"
          type="datetime-local"
          value={wish.until}
          min={localInput(new Date())}
          onChange={(event) => onChange({ until: event.target.value })}
          error={endOf(wish, Date.now()).problem}
        />
      )}
    </fieldset>
  );
}
