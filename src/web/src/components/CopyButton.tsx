import { useEffect, useState } from 'react';
import { copyText } from '../lib/clipboard.ts';
import { tellProblem } from '../lib/toasts.ts';
import { Icon } from './Icon.tsx';

/** Copies a text; `of` names it for screen readers ("Copy the password"). */
export function CopyButton({ text, of, words = false }: { text: string; of: string; words?: boolean }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);

  const copy = async (): Promise<void> => {
    try {
      await copyText(text);
      setCopied(true);
    } catch {
      tellProblem(new Error('the browser does not allow copying here; select the text and copy it yourself'));
    }
  };

  return (
    <button
      type="button"
      className={`btn btn-quiet btn-sm ${words ? '' : 'btn-icon'}`}
      title={`Copy ${of}`}
      aria-label={`Copy ${of}`}
      onClick={copy}
    >
      <Icon name={copied ? 'check-lg' : 'copy'} />
      {words && (copied ? 'Copied' : 'Copy')}
      <span className="visually-hidden" aria-live="polite">
        {copied ? 'Copied' : ''}
      </span>
    </button>
  );
}
