import { useState } from 'react';
import { Dialog } from '../../components/Dialog.tsx';
import { RegisterMany } from './RegisterMany.tsx';
import { RegisterOne } from './RegisterOne.tsx';

const WAYS = [
  { way: 'one', label: 'One machine' },
  { way: 'file', label: 'From machines.yml' },
] as const;

/** Adds machines to the pool. */
export function RegisterDialog({
  first,
  known,
  onClose,
  onRegistered,
}: {
  first: 'one' | 'file';
  known: ReadonlySet<string>;
  onClose: () => void;
  onRegistered: (name: string) => void;
}) {
  const [way, setWay] = useState<'one' | 'file'>(first);
  return (
    <Dialog title="Register machines" onClose={onClose} wide={way === 'file'}>
      <fieldset className="chips">
        <legend className="visually-hidden">How</legend>
        {WAYS.map((one) => (
          <label key={one.way} className="chip">
            <input type="radio" name="way" checked={way === one.way} onChange={() => setWay(one.way)} />
            {one.label}
          </label>
        ))}
      </fieldset>
      {way === 'one' ? <RegisterOne onDone={onRegistered} /> : <RegisterMany known={known} />}
    </Dialog>
  );
}
