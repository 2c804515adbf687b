import { CopyButton } from './CopyButton.tsx';

/** Text to take along: one line, or several under a heading. */
export function Snippet({ text, of, title }: { text: string; of: string; title?: string }) {
  if (title === undefined) {
    return (
      <div className="snippet one-line">
        <pre>{text}</pre>
        <CopyButton text={text} of={of} />
      </div>
    );
  }
  return (
    <div className="snippet">
      <div className="snippet-head">
        {title}
        <CopyButton text={text} of={of} />
      </div>
      <pre>{text}</pre>
    </div>
  );
}
