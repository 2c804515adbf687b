const TABBABLE = 'a[href], button, input, select, textarea, [tabindex]:not([tabindex="-1"])';

/** Tab goes round inside of `inside` and never out of it. For `onKeyDown`. */
export function keepFocusInside(
  event: { key: string; shiftKey: boolean; preventDefault(): void },
  inside: Element,
): void {
  if (event.key !== 'Tab') return;
  const stops = [...inside.querySelectorAll<HTMLElement>(TABBABLE)].filter(
    (one) => !one.matches(':disabled, [tabindex="-1"]') && one.checkVisibility() && isOwnStop(one),
  );
  const [first, last] = [stops[0], stops.at(-1)];
  const leaving = event.shiftKey ? first : last;
  const focused = document.activeElement;
  if (focused === leaving || !focused || !inside.contains(focused) || focused === inside) {
    event.preventDefault();
    (event.shiftKey ? last : first)?.focus();
  }
}

/** Of radio buttons that belong together, Tab stops at the chosen one alone. */
function isOwnStop(one: HTMLElement): boolean {
  return !(one instanceof HTMLInputElement) || one.type !== 'radio' || one.checked;
}
