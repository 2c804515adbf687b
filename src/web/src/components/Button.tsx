import type { ComponentProps } from 'react';
import { Icon } from './Icon.tsx';
import type { IconName } from './icon-names.ts';

/** A button that shows when its work is under way, without changing its width. */
export function Button({
  look = 'plain',
  icon,
  busy = false,
  small = false,
  className = '',
  children,
  disabled,
  ...rest
}: {
  look?: 'primary' | 'plain' | 'quiet' | 'danger';
  icon?: IconName;
  busy?: boolean;
  small?: boolean;
} & ComponentProps<'button'>) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled || busy}
      aria-busy={busy}
      className={`btn btn-${look} ${small ? 'btn-sm' : ''} ${className}`}
    >
      {busy ? <Icon name="arrow-repeat" className="spin" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}
