import { Field } from '../../components/Field.tsx';
import { ACTIONS, actionWords } from './words.ts';

export type FilterKey = 'actor' | 'action' | 'subject' | 'address' | 'from' | 'until';
export type FilterText = Readonly<Record<FilterKey, string>>;

/** What is looked for. Times are local, as their input fields have them. */
export function AuditFilters({
  filter,
  onChange,
}: {
  filter: FilterText;
  onChange: (key: FilterKey, value: string) => void;
}) {
  const bind = (key: FilterKey) => ({
    value: filter[key],
    onChange: (event: { target: { value: string } }) => onChange(key, event.target.value),
    autoComplete: 'off',
    spellCheck: false,
  });
  return (
    <div className="audit-filters">
      <Field label="Who" placeholder="anybody" {...bind('actor')} />
      <div>
        <label className="form-label" htmlFor="audit-action">
          What
        </label>
        <select
          id="audit-action"
          className="form-select"
          value={filter.action}
          onChange={(event) => onChange('action', event.target.value)}
        >
          <option value="">anything</option>
          {[...ACTIONS, ...(filter.action !== '' && !ACTIONS.includes(filter.action) ? [filter.action] : [])].map(
            (action) => (
              <option key={action} value={action}>
                {actionWords(action).kind}: {actionWords(action).words}
              </option>
            ),
          )}
        </select>
      </div>
      <Field label="Of what" placeholder="name or id" {...bind('subject')} />
      <Field label="Address" placeholder="anywhere" {...bind('address')} />
      <Field label="From" type="datetime-local" {...bind('from')} />
      <Field label="Until" type="datetime-local" {...bind('until')} />
    </div>
  );
}
