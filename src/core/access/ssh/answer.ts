import { ACCESS_FAILURES, type AccessFailure } from '#core/access/driver.ts';

/** What a script answered: its values, and why it failed if it did. */
export interface Answer {
  readonly values: ReadonlyMap<string, string>;
  readonly failure: { readonly code: AccessFailure; readonly words: string } | null;
}

/** The answer in what a machine printed, or null while it has no closing line. Other lines (a greeting, a shell's noise) do not count. */
export function readAnswer(output: string): Answer | null {
  const values = new Map<string, string>();
  for (const line of output.split('\n').slice(0, -1)) {
    const [, name, value] = /^berth: ([a-z_]+) ?(.*)$/.exec(line.trimEnd()) ?? [];
    if (name === undefined || value === undefined) continue;
    if (name === 'done') return { values, failure: null };
    if (name === 'failed') {
      const [word, ...words] = value.split(' ');
      const code = ACCESS_FAILURES.find((known) => known === word) ?? 'bad_answer';
      return { values, failure: { code, words: words.join(' ') } };
    }
    values.set(name, value);
  }
  return null;
}

/** A whole number from 0 to `most` in an answer, or null. */
export function wholeNumber(answer: Answer, name: string, most: number): number | null {
  const text = answer.values.get(name) ?? '';
  const number = Number(text);
  return /^[0-9]{1,15}$/.test(text) && number <= most ? number : null;
}
