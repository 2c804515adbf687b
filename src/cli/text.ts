/**
 * Characters that a terminal obeys instead of showing: C0, DEL, C1, and the marks that turn or hide text (line and
 * paragraph separators, bidirectional and zero-width marks).
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
const OBEYED = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** One line that is harmless on a terminal, whoever wrote it. */
export function plain(text: string): string {
  return text.replace(OBEYED, '');
}

/** JSON as it is, with what a terminal would obey written as \u escapes: it reads back as the same value. */
export function jsonText(value: unknown, indent?: number): string {
  // The characters below U+0020 that are still there are the line breaks of the indentation.
  return JSON.stringify(value, null, indent).replace(OBEYED, (mark) =>
    mark < ' ' ? mark : `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Columns side by side, headed; empty when there is no row. Cells are made harmless here. */
export function table(head: readonly string[], rows: readonly (readonly (string | null)[])[]): string {
  if (rows.length === 0) return '';
  const cells = [head, ...rows].map((row) => row.map((cell) => plain(cell ?? '-')));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `2 machines`, `1 machine`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
