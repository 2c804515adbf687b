import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Problem } from '../../components/Notice.tsx';
import { fieldProblem } from '../../lib/field-problem.ts';
import { call } from '../../lib/session.ts';
import { tell } from '../../lib/toasts.ts';
import { type Draft, EMPTY_DRAFT, labelsOf, MachineFields } from './MachineFields.tsx';

const FIELDS = ['name', 'host', 'port', 'user', 'password', 'private_key', 'labels'];

/** Registers one machine; what Berth finds on it is shown on its own page. */
export function RegisterOne({ onDone }: { onDone: (name: string) => void }) {
  const [draft, setDraft] = useState<Draft>(EMPTY_DRAFT);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);

  const register = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      const made = await call('registerMachine', {
        body: {
          name: draft.name.trim(),
          host: draft.host.trim(),
          port: Number(draft.port),
          user: draft.user.trim(),
          ...(draft.kind === 'private_key' ? { private_key: draft.privateKey } : { password: draft.password }),
          labels: labelsOf(draft.labels),
        },
      });
      tell(`${made.name} is registered. Berth looks at it now.`);
      onDone(made.name);
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };

  const atField = FIELDS.some((field) => fieldProblem(error, field) !== null);
  return (
    <form
      className="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void register();
      }}
    >
      <MachineFields draft={draft} onChange={setDraft} isNew problem={(field) => fieldProblem(error, field)} />
      <Problem error={atField ? null : error} />
      <Button type="submit" look="primary" busy={busy} disabled={draft.name.trim() === '' || draft.host.trim() === ''}>
        Register
      </Button>
    </form>
  );
}
