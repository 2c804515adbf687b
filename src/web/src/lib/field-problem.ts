import { problemText } from './toasts.ts';

/** The server's word about a field ("host: …"), or null when its no is about something else. */
export function fieldProblem(error: unknown, field: string): string | null {
  if (!(error instanceof Error) || !error.message.startsWith(`${field}:`)) return null;
  return problemText(new Error(error.message.slice(field.length + 1).trim()));
}
