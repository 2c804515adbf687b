import type { ReactNode } from 'react';
import { problemText } from '../lib/toasts.ts';
import { Icon } from './Icon.tsx';
import type { IconName } from './icon-names.ts';

const ICONS: Readonly<Record<string, IconName>> = {
  bad: 'exclamation-circle',
  wait: 'exclamation-triangle',
  good: 'check-circle',
  accent: 'info-circle',
  plain: 'info-circle',
};

export function Notice({
  tone = 'plain',
  icon = ICONS[tone] as IconName,
  children,
}: {
  tone?: 'bad' | 'wait' | 'good' | 'accent' | 'plain';
  icon?: IconName;
  children: ReactNode;
}) {
  return (
    <div className={`notice ${tone}`}>
      <Icon name={icon} />
      <div className="grow">{children}</div>
    </div>
  );
}

/** What the server said no to; read out as soon as it appears. Nothing while there is no error. */
export function Problem({ error }: { error: unknown }) {
  if (error === null || error === undefined) return null;
  return (
    <div role="alert">
      <Notice tone="bad">{problemText(error)}</Notice>
    </div>
  );
}
