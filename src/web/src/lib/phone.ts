import { useSyncExternalStore } from 'react';

const narrow = matchMedia('(max-width: 767.98px)');

/** Whether the page has the width of a phone. */
export function usePhone(): boolean {
  return useSyncExternalStore(
    (listener) => {
      narrow.addEventListener('change', listener);
      return () => narrow.removeEventListener('change', listener);
    },
    () => narrow.matches,
  );
}
