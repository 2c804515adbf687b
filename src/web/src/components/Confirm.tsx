import { type ReactNode, useState } from 'react';
import { Button } from './Button.tsx';
import { Dialog } from './Dialog.tsx';
import { Field } from './Field.tsx';
import { Problem } from './Notice.tsx';

/** Asks before something is lost. With `typed`, that word has to be typed first. */
export function Confirm({
  title,
  children,
  verb,
  typed,
  onClose,
  run,
}: {
  title: string;
  children: ReactNode;
  verb: string;
  typed?: string;
  onClose: () => void;
  /** The dialog closes when it resolves, and shows the error when it does not. */
  run: () => Promise<unknown>;
}) {
  const [word, setWord] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const allowed = typed === undefined || word.trim().toLowerCase() === typed.toLowerCase();

  const go = async (): Promise<void> => {
    if (!allowed || busy) return;
    setBusy(true);
    setError(null);
    try {
      await run();
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };

  return (
    <Dialog
      title={title}
      onClose={onClose}
      busy={busy}
      onSubmit={go}
      footer={
        <>
          <button type="button" className="btn btn-plain" onClick={onClose} disabled={busy}>
            Cancel
          </button>
          <Button type="submit" look="danger" busy={busy} disabled={!allowed}>
            {verb}
          </Button>
        </>
      }
    >
      <div>{children}</div>
      {typed !== undefined && (
        <Field
          label={
            <>
              Type <strong>{typed}</strong> to go on
            </>
          }
          value={word}
          onChange={(event) => setWord(event.target.value)}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          autoFocus
        />
      )}
      <Problem error={error} />
    </Dialog>
  );
}
