import { Confirm } from '../../components/Confirm.tsx';
import type { Machine } from '../../lib/queries.ts';
import { tell } from '../../lib/toasts.ts';
import { useMachineDeeds } from './deeds.ts';

/** The machine shows another host key than the pinned one: an admin decides whether that is right. */
export function AcceptKey({ machine, onClose }: { machine: Machine; onClose: () => void }) {
  const { change } = useMachineDeeds();
  const offered = machine.offered_host_key_fingerprint;
  if (offered === null) return null;
  const go = async (): Promise<void> => {
    await change(machine.name, { accept_host_key: offered });
    tell(`The new host key of ${machine.name} is pinned; Berth looks at it again.`);
  };
  return (
    <Confirm title={`Accept the new host key of ${machine.name}?`} verb="Accept the new key" onClose={onClose} run={go}>
      <p>
        Do this only when you know why the key is another one, for example because the machine was set up anew.
        Otherwise somebody may be in between.
      </p>
      <dl className="facts">
        <dt>Pinned until now</dt>
        <dd className="mono">{machine.host_key_fingerprint ?? 'none'}</dd>
        <dt>Offered now</dt>
        <dd className="mono">{offered}</dd>
      </dl>
    </Confirm>
  );
}
