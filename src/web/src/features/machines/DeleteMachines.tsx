import { Confirm } from '../../components/Confirm.tsx';
import { subject, useMachineDeeds } from './deeds.ts';

export function DeleteMachines({
  names,
  onClose,
  onDeleted,
}: {
  names: readonly string[];
  onClose: () => void;
  onDeleted?: () => void;
}) {
  const { remove } = useMachineDeeds();
  const go = async (): Promise<void> => {
    await remove(names);
    onDeleted?.();
  };
  return (
    <Confirm title={`Delete ${subject(names)}?`} verb="Delete" onClose={onClose} run={go}>
      <p>
        Berth forgets {names.length === 1 ? 'its' : 'their'} address, login and host key. Nothing is changed on the{' '}
        {names.length === 1 ? 'machine' : 'machines'}.
      </p>
      <p className="soft">A machine that is reserved or still being cleaned is not deleted.</p>
    </Confirm>
  );
}
