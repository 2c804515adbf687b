import { ACCESS_FAILURES, type AccessFailure } from '#core/access/driver.ts';

/** What a script answered: its values, and why it failed if it did. */
export interface Answer {
  readonly values: ReadonlyMap<string, string>;
  /** The values of lines `found`, of which there may be many. */
  readonly found: readonly string[];
  readonly failure: { readonly code: AccessFailure; readonly words: string } | null;
}

/**
 * Reads an answer as it comes, in whatever pieces: what has been read is not looked at again. Other lines (a greeting, a
 * shell's noise) do not count.
 */
export class AnswerReader {
  readonly #values = new Map<string, string>();
  readonly #found: string[] = [];
  #rest = '';

  /** The answer, or null while its closing line has not come. */
  read(text: string): Answer | null {
    this.#rest += text;
    if (!text.includes('\n')) return null;
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop() ?? '';
    const values = this.#values;
    const found = this.#found;
    for (const line of lines) {
      const [, name, value] = /^berth: ([a-z_]+) ?(.*)$/.exec(line.trimEnd()) ?? [];
      if (name === undefined || value === undefined) continue;
      if (name === 'done') return { values, found, failure: null };
      if (name === 'failed') {
        const [word, ...words] = value.split(' ');
        const code = ACCESS_FAILURES.find((known) => known === word) ?? 'bad_answer';
        return { values, found, failure: { code, words: words.join(' ') } };
      }
      if (name === 'found') found.push(value);
      else values.set(name, value);
    }
    return null;
  }
}

/** The answer in all that a machine printed, or null when it has no closing line. */
export function readAnswer(output: string): Answer | null {
  return new AnswerReader().read(output);
}

/** A whole number from 0 to `most` in an answer, or null. */
export function wholeNumber(answer: Answer, name: string, most: number): number | null {
  const text = answer.values.get(name) ?? '';
  const number = Number(text);
  return /^[0-9]{1,15}$/.test(text) && number <= most ? number : null;
}
