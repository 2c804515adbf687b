import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from 'react';
import Modal from 'react-bootstrap/Modal';
import { useNavigate } from 'react-router';
import { useHeldMachines, useMachines } from '../lib/queries.ts';
import { gathered } from '../lib/reservations.ts';
import { signOut, useMe } from '../lib/session.ts';
import { chooseTheme } from '../lib/theme.ts';
import { tellProblem } from '../lib/toasts.ts';
import { Icon } from './Icon.tsx';
import type { IconName } from './icon-names.ts';
import { ADMIN_PLACES, PLACES } from './places.ts';
import { lookOf } from './State.tsx';

interface Choice {
  readonly key: string;
  readonly label: string;
  readonly hint: string;
  readonly icon: IconName;
  readonly run: () => void;
}

const MOST_OF_A_KIND = 6;

/** Ctrl+K: any page, machine, reservation or deed by a few letters. */
export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const id = useId();
  const choices = useChoices(text);
  const chosen = Math.min(at, choices.length - 1);

  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  });

  const take = (choice: Choice | undefined): void => {
    if (!choice) return;
    onClose();
    choice.run();
  };
  const press = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0 && choices.length > 0) {
      event.preventDefault();
      setAt((chosen + step + choices.length) % choices.length);
    } else if (event.key === 'Tab') {
      // The input is all there is to stop at.
      event.preventDefault();
    } else if (event.key === 'Enter') {
      event.preventDefault();
      take(choices[chosen]);
    }
  };

  return (
    <Modal show onHide={onClose} className="palette" aria-label="Jump to" animation={false}>
      <input
        className="palette-input"
        placeholder="A page, a machine, a reservation …"
        aria-label="Jump to"
        role="combobox"
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={choices[chosen] ? `${id}-${chosen}` : undefined}
        autoComplete="off"
        spellCheck={false}
        autoFocus
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={press}
      />
      <ul className="palette-list" role="listbox" id={id} ref={list} aria-label="Places and deeds">
        {choices.map((choice, index) => (
          <li
            key={choice.key}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === chosen}
            className="palette-item"
            onMouseMove={() => setAt(index)}
            onClick={() => take(choice)}
          >
            <Icon name={choice.icon} />
            <span className="truncate">{choice.label}</span>
            <span className="hint">{choice.hint}</span>
          </li>
        ))}
        {choices.length === 0 && (
          <li className="palette-item soft" role="option" aria-selected="false" aria-disabled="true">
            Nothing here has these letters.
          </li>
        )}
      </ul>
    </Modal>
  );
}

function useChoices(text: string): readonly Choice[] {
  const { isAdmin } = useMe();
  const navigate = useNavigate();
  const machines = useMachines().data;
  const held = useHeldMachines(true).data;
  return useMemo(() => {
    const go = (to: string) => () => void navigate(to);
    const places: Choice[] = [...PLACES, ...(isAdmin ? ADMIN_PLACES : []), SETTINGS].map(({ to, label, icon }) => ({
      key: to,
      label,
      hint: 'Page',
      icon,
      run: go(to),
    }));
    const deeds: Choice[] = [
      { key: 'reserve', label: 'Reserve machines', hint: 'Do', icon: 'plus-lg', run: go('/reservations?new=1') },
      ...(isAdmin
        ? [
            {
              key: 'register',
              label: 'Register machines',
              hint: 'Do',
              icon: 'plus-lg',
              run: go('/machines?add=one'),
            } as const,
          ]
        : []),
      { key: 'light', label: 'Light theme', hint: 'Do', icon: 'sun', run: () => chooseTheme('light') },
      { key: 'dark', label: 'Dark theme', hint: 'Do', icon: 'moon-stars', run: () => chooseTheme('dark') },
      { key: 'out', label: 'Sign out', hint: 'Do', icon: 'box-arrow-right', run: () => signOut().catch(tellProblem) },
    ];
    const mine: Choice[] = gathered(held ?? []).map((one) => ({
      key: one.id,
      label: one.machines.map(({ machine }) => machine).join(', '),
      hint: 'My reservation',
      icon: 'calendar2-check',
      run: go(`/reservations/${one.id}`),
    }));
    const words = text.toLowerCase().trim();
    const fits = ({ label }: Choice): boolean => label.toLowerCase().includes(words);
    if (words === '') return [...places, ...mine.slice(0, MOST_OF_A_KIND), ...deeds];
    const found = (machines ?? [])
      .filter(({ name }) => name.toLowerCase().includes(words))
      .slice(0, MOST_OF_A_KIND)
      .map(
        ({ name, state, reserved }): Choice => ({
          key: `machine ${name}`,
          label: name,
          hint: `Machine, ${lookOf(reserved ? 'reserved' : state).word.toLowerCase()}`,
          icon: 'hdd-stack',
          run: go(`/machines/${encodeURIComponent(name)}`),
        }),
      );
    return [...places.filter(fits), ...mine.filter(fits).slice(0, MOST_OF_A_KIND), ...found, ...deeds.filter(fits)];
  }, [text, isAdmin, machines, held, navigate]);
}

const SETTINGS = { to: '/settings', label: 'Settings', icon: 'gear' } as const;
