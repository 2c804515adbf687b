import { outlines } from 'virtual:berth-icons';
import type { IconName } from './icon-names.ts';

/** An ornament beside words, which say the same. */
export function Icon({ name, className = '' }: { name: IconName; className?: string }) {
  return (
    <svg className={`icon ${className}`} viewBox="0 0 16 16" fill="currentColor" aria-hidden="true">
      {outlines[name].map((d) => (
        <path key={d} d={d} />
      ))}
    </svg>
  );
}
