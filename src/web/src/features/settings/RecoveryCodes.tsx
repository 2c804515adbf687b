import { Button } from '../../components/Button.tsx';
import { CopyButton } from '../../components/CopyButton.tsx';
import { Notice } from '../../components/Notice.tsx';
import { saveFile } from '../../lib/download.ts';

/** Codes that have just been made, and are never shown again. */
export function RecoveryCodes({
  user,
  codes,
  onClose,
}: {
  user: string;
  codes: readonly string[];
  onClose: () => void;
}) {
  const text = `${codes.join('\n')}\n`;
  return (
    <Notice tone="wait">
      <div className="stack">
        <p>
          <strong>Keep these recovery codes now; they are not shown again.</strong> Each lets you in once when your
          device is lost.
        </p>
        <ul className="mono recovery-codes" aria-label="Recovery codes">
          {codes.map((code) => (
            <li key={code}>{code}</li>
          ))}
        </ul>
        <div className="button-row">
          <CopyButton text={text} of="the recovery codes" words />
          <Button
            small
            icon="download"
            onClick={() => void saveFile(new Response(text), `berth-recovery-codes-${user}.txt`)}
          >
            Download
          </Button>
          <Button small onClick={onClose}>
            I have kept them
          </Button>
        </div>
      </div>
    </Notice>
  );
}
