import { useState } from 'react';
import type { Answer } from '#contract/routes.ts';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { Notice, Problem } from '../../components/Notice.tsx';
import { useMachineDeeds } from './deeds.ts';

/** Compares a machine with what Berth knows, shows what was found, and repairs it on request. */
export function VerifyMachine({ name, onClose }: { name: string; onClose: () => void }) {
  const { verify } = useMachineDeeds();
  const [busy, setBusy] = useState<'look' | 'repair' | null>(null);
  const [answer, setAnswer] = useState<Answer<'verifyMachine'> | null>(null);
  const [error, setError] = useState<unknown>(null);

  const go = async (what: 'look' | 'repair'): Promise<void> => {
    setBusy(what);
    setError(null);
    try {
      setAnswer(await verify(name, what === 'repair'));
    } catch (failure) {
      setError(failure);
    }
    setBusy(null);
  };

  const mayRepair = answer?.findings.some(({ kind }) => kind !== 'other_keys') === true;
  return (
    <Dialog
      title={`Look through ${name}`}
      onClose={onClose}
      busy={busy !== null}
      footer={
        <>
          <Button onClick={onClose} disabled={busy !== null}>
            Close
          </Button>
          {mayRepair && (
            <Button look="danger" busy={busy === 'repair'} disabled={busy !== null} onClick={() => void go('repair')}>
              Repair
            </Button>
          )}
          <Button
            look={mayRepair ? 'plain' : 'primary'}
            busy={busy === 'look'}
            disabled={busy !== null}
            onClick={() => void go('look')}
          >
            {answer === null ? 'Look through it' : 'Look again'}
          </Button>
        </>
      }
    >
      {answer === null ? (
        <p>
          Berth compares the machine with what it knows: accounts with its mark, their keys, and what accounts that are
          gone have left. With something of that on it the machine is not lent before it is repaired.
        </p>
      ) : (
        <div aria-live="polite" className="stack-sm">
          {answer.repaired.length > 0 && <List tone="good" title="Repaired" words={answer.repaired} />}
          {answer.findings.length > 0 ? (
            <List tone="wait" title="Found" words={answer.findings} />
          ) : (
            <Notice tone="good">{name} is as it ought to be.</Notice>
          )}
          {mayRepair && (
            <p className="soft small">
              A repair takes away only what bears the mark of Berth and belongs to no open reservation.
            </p>
          )}
        </div>
      )}
      <Problem error={error} />
    </Dialog>
  );
}

function List({
  tone,
  title,
  words,
}: {
  tone: 'good' | 'wait';
  title: string;
  words: readonly { readonly words: string }[];
}) {
  return (
    <Notice tone={tone}>
      <strong>{title}</strong>
      <ul>
        {words.map((one) => (
          <li key={one.words}>{one.words}</li>
        ))}
      </ul>
    </Notice>
  );
}
