import { Icon } from './Icon.tsx';
import type { IconName } from './icon-names.ts';

export type Tone = 'good' | 'busy' | 'wait' | 'bad' | 'idle';
export interface Look {
  readonly word: string;
  readonly tone: Tone;
  readonly icon: IconName;
}

const LOOKS: Readonly<Record<string, Look>> = {
  free: { word: 'Free', tone: 'good', icon: 'check-circle' },
  reserved: { word: 'Reserved', tone: 'busy', icon: 'lock' },
  checking: { word: 'Checking', tone: 'wait', icon: 'search' },
  ready: { word: 'Ready', tone: 'good', icon: 'check-circle' },
  unreachable: { word: 'Unreachable', tone: 'bad', icon: 'plug' },
  quarantined: { word: 'Quarantined', tone: 'bad', icon: 'shield-exclamation' },
  disabled: { word: 'Disabled', tone: 'idle', icon: 'slash-circle' },
  unavailable: { word: 'Unavailable', tone: 'bad', icon: 'exclamation-circle' },
  preparing: { word: 'Preparing', tone: 'wait', icon: 'hourglass-split' },
  active: { word: 'Active', tone: 'good', icon: 'check-circle' },
  ending: { word: 'Ending', tone: 'wait', icon: 'hourglass-split' },
  cleaning: { word: 'Cleaning', tone: 'wait', icon: 'stars' },
  cleaned: { word: 'Clean', tone: 'idle', icon: 'check-lg' },
  ended: { word: 'Ended', tone: 'idle', icon: 'check-lg' },
  failed: { word: 'Failed', tone: 'bad', icon: 'x-circle' },
};

/** How a state is shown. A state that this page does not know is shown in the server's word. */
export function lookOf(state: string): Look {
  return LOOKS[state] ?? { word: state, tone: 'idle', icon: 'info-circle' };
}

export function State({ state }: { state: string }) {
  const { word, tone, icon } = lookOf(state);
  return (
    <span className={`state ${tone}`}>
      <Icon name={icon} />
      {word}
    </span>
  );
}
