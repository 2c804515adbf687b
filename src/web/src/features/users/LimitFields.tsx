import { useId } from 'react';
import { LIMITS, type LimitName } from '../../lib/limits.ts';
import type { RoleLimits } from '../../lib/queries.ts';

/** As it stands in the form: `role`, `none`, or the text of a number. */
export type LimitDraft = {
  readonly [N in LimitName]: { readonly kind: 'role' | 'none' | 'own'; readonly text: string };
};
type Value = number | null | 'role';

export function draftOf(values: { readonly [N in LimitName]: Value }): LimitDraft {
  const draft = (value: Value) =>
    value === null
      ? ({ kind: 'none', text: '' } as const)
      : value === 'role'
        ? ({ kind: 'role', text: '' } as const)
        : ({ kind: 'own', text: String(value) } as const);
  return {
    machines: draft(values.machines),
    reservations: draft(values.reservations),
    minutes: draft(values.minutes),
    machine_minutes_ahead: draft(values.machine_minutes_ahead),
  };
}

/** What differs from before; null when a number is missing or none. */
export function changesIn<V extends Value>(draft: LimitDraft, before: { readonly [N in LimitName]: V }) {
  const changes: { [N in LimitName]?: V } = {};
  for (const { name } of LIMITS) {
    const { kind, text } = draft[name];
    if (kind === 'own' && !isNumber(text)) return null;
    const value = (kind === 'none' ? null : kind === 'role' ? 'role' : Number(text)) as V;
    if (value !== before[name]) changes[name] = value;
  }
  return changes;
}

/** A line for each limit. With `ofRole` a value may also be left to the role. */
export function LimitFields({
  draft,
  onChange,
  ofRole,
}: {
  draft: LimitDraft;
  onChange: (draft: LimitDraft) => void;
  ofRole?: RoleLimits;
}) {
  const id = useId();
  return LIMITS.map(({ name, words, hint }) => {
    const { kind, text } = draft[name];
    const set = (change: Partial<LimitDraft[LimitName]>) =>
      onChange({ ...draft, [name]: { ...draft[name], ...change } });
    const wrong = kind === 'own' && !isNumber(text);
    return (
      <div key={name}>
        <label className="form-label" htmlFor={`${id}-${name}`}>
          {words}
        </label>
        <div className="limit-line">
          <select
            id={`${id}-${name}`}
            className="form-select"
            value={kind}
            onChange={({ target }) => set({ kind: target.value as typeof kind })}
          >
            {ofRole && <option value="role">As the role ({ofRole[name] ?? 'no limit'})</option>}
            <option value="none">No limit</option>
            <option value="own">At most …</option>
          </select>
          {kind === 'own' && (
            <input
              className={`form-control num ${wrong ? 'is-invalid' : ''}`}
              aria-label={`${words}: at most`}
              aria-invalid={wrong}
              inputMode="numeric"
              autoComplete="off"
              value={text}
              onChange={({ target }) => set({ text: target.value })}
            />
          )}
        </div>
        {hint && <div className="form-text">{hint}</div>}
      </div>
    );
  });
}

function isNumber(text: string): boolean {
  return /^\d{1,9}$/.test(text);
}
