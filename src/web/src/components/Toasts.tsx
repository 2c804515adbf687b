import { useEffect } from 'react';
import { dismiss, type Toast, useToasts } from '../lib/toasts.ts';
import { Icon } from './Icon.tsx';

const STAYS_MS = 6_000;
const STAYS_WITH_ACTION_MS = 10_000;

export function Toasts() {
  const toasts = useToasts();
  return (
    <div className="toasts" role="status" aria-live="polite">
      {toasts.map((toast) => (
        <Note key={toast.id} toast={toast} />
      ))}
    </div>
  );
}

function Note({ toast }: { toast: Toast }) {
  const { id, kind, text, action } = toast;
  useEffect(() => {
    // A problem stays until it was read.
    if (kind === 'problem') return;
    const timer = setTimeout(() => dismiss(id), action ? STAYS_WITH_ACTION_MS : STAYS_MS);
    return () => clearTimeout(timer);
  }, [id, kind, action]);

  return (
    <div className={`toast-note ${kind}`}>
      <Icon name={kind === 'done' ? 'check-circle-fill' : 'exclamation-circle'} />
      <div className="grow">{text}</div>
      {action && (
        <button
          type="button"
          className="btn btn-quiet btn-sm"
          onClick={() => {
            dismiss(id);
            void action.run();
          }}
        >
          {action.label}
        </button>
      )}
      <button type="button" className="btn btn-quiet btn-sm btn-icon" aria-label="Dismiss" onClick={() => dismiss(id)}>
        <Icon name="x-lg" />
      </button>
    </div>
  );
}
