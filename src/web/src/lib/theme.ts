import { useSyncExternalStore } from 'react';

export type ThemeChoice = 'system' | 'light' | 'dark';

/** The choices in words, each with the name of its icon. */
export const THEMES = [
  { choice: 'system', label: 'As the system', icon: 'circle-half' },
  { choice: 'light', label: 'Light', icon: 'sun' },
  { choice: 'dark', label: 'Dark', icon: 'moon-stars' },
] as const satisfies readonly { choice: ThemeChoice; label: string; icon: string }[];

const KEY = 'berth.theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();
let choice = stored();

system.addEventListener('change', apply);
// Another tab has chosen.
addEventListener('storage', ({ key }) => {
  if (key !== KEY) return;
  choice = stored();
  apply();
});

export function useThemeChoice(): ThemeChoice {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => choice,
  );
}

export function chooseTheme(next: ThemeChoice): void {
  choice = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Storage is refused: the choice holds until the page is left.
  }
  apply();
}

function apply(): void {
  const dark = choice === 'dark' || (choice === 'system' && system.matches);
  document.documentElement.dataset['bsTheme'] = dark ? 'dark' : 'light';
  for (const listener of listeners) listener();
}

function stored(): ThemeChoice {
  try {
    const found = localStorage.getItem(KEY);
    return found === 'light' || found === 'dark' ? found : 'system';
  } catch {
    return 'system';
  }
}
