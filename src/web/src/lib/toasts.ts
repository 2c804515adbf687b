import { useSyncExternalStore } from 'react';

export interface Toast {
  readonly id: number;
  readonly kind: 'done' | 'problem';
  readonly text: string;
  /** A way back, or onwards. */
  readonly action?: { readonly label: string; readonly run: () => unknown };
}

const MOST = 4;
let toasts: readonly Toast[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

/** Says what has been done. */
export function tell(text: string, action?: Toast['action']): void {
  add({ kind: 'done', text, ...(action && { action }) });
}

/** Says what went wrong. */
export function tellProblem(error: unknown): void {
  add({ kind: 'problem', text: problemText(error) });
}

export function dismiss(id: number): void {
  set(toasts.filter((toast) => toast.id !== id));
}

export function useToasts(): readonly Toast[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
}

/** What to say about a failure: the server's own words where it said some. */
export function problemText(error: unknown): string {
  // What fetch throws when nobody answers has other words in each browser.
  if (error instanceof TypeError) return 'Berth cannot be reached right now. Nothing was changed; try again.';
  const text = error instanceof Error ? error.message : String(error);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function add(toast: Omit<Toast, 'id'>): void {
  lastId += 1;
  set([...toasts, { ...toast, id: lastId }].slice(-MOST));
}

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}
