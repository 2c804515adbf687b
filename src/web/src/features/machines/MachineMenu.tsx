import { type ReactNode, useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Menu, type MenuEntry } from '../../components/Menu.tsx';
import type { Machine } from '../../lib/queries.ts';
import { tell } from '../../lib/toasts.ts';
import { AcceptKey } from './AcceptKey.tsx';
import { DeleteMachines } from './DeleteMachines.tsx';
import { useMachineDeeds } from './deeds.ts';
import { EditMachine } from './EditMachine.tsx';
import { VerifyMachine } from './VerifyMachine.tsx';

/** What an admin can do with one machine, at the end of its row. */
export function MachineMenu({ machine }: { machine: Machine }) {
  const { entries, dialog } = useEntries(machine);
  return (
    <>
      <Menu of={machine.name} entries={entries} />
      {dialog}
    </>
  );
}

/** The same as buttons, for the machine's own page. */
export function MachineButtons({ machine, onDeleted }: { machine: Machine; onDeleted: () => void }) {
  const { entries, dialog } = useEntries(machine, onDeleted);
  return (
    <>
      {entries.map(({ label, icon, run, danger = false }) => (
        <Button key={label} small icon={icon} look={danger ? 'danger' : 'plain'} onClick={run}>
          {label}
        </Button>
      ))}
      {dialog}
    </>
  );
}

function useEntries(machine: Machine, onDeleted?: () => void): { entries: readonly MenuEntry[]; dialog: ReactNode } {
  const { setDisabled } = useMachineDeeds();
  const [open, setOpen] = useState<'edit' | 'key' | 'verify' | 'delete' | null>(null);
  const { name } = machine;
  const disabled = machine.state === 'disabled';
  const close = (): void => setOpen(null);
  const entries: MenuEntry[] = [
    ...(machine.offered_host_key_fingerprint === null
      ? []
      : [{ label: 'Accept new host key …', icon: 'shield-exclamation', run: () => setOpen('key') } as const]),
    { label: 'Look through …', icon: 'search', run: () => setOpen('verify') },
    { label: 'Edit …', icon: 'pencil', run: () => setOpen('edit') },
    {
      label: disabled ? 'Enable' : 'Disable',
      icon: disabled ? 'check-circle' : 'slash-circle',
      run: () => void setDisabled([name], !disabled),
    },
    { label: 'Delete …', icon: 'trash', danger: true, run: () => setOpen('delete') },
  ];
  const dialog = (
    <>
      {open === 'edit' && <EditMachine machine={machine} onClose={close} onDone={() => tell(`${name} was changed.`)} />}
      {open === 'key' && <AcceptKey machine={machine} onClose={close} />}
      {open === 'verify' && <VerifyMachine name={name} onClose={close} />}
      {open === 'delete' && <DeleteMachines names={[name]} onClose={close} {...(onDeleted && { onDeleted })} />}
    </>
  );
  return { entries, dialog };
}
