import type { IconName } from './icon-names.ts';

/** A page that can be gone to. */
export interface Place {
  readonly to: string;
  readonly label: string;
  /** Under the icon on a phone. */
  readonly short?: string;
  readonly icon: IconName;
  /** In the bar at the bottom of a phone. */
  readonly phone?: boolean;
}

export const PLACES: readonly Place[] = [
  { to: '/', label: 'Dashboard', short: 'Home', icon: 'house', phone: true },
  { to: '/reservations', label: 'Reservations', short: 'Reserve', icon: 'calendar2-check', phone: true },
  { to: '/available', label: 'Available', icon: 'broadcast-pin', phone: true },
  { to: '/machines', label: 'Machines', icon: 'hdd-stack', phone: true },
  { to: '/timeline', label: 'Timeline', icon: 'bar-chart-steps' },
];

export const ADMIN_PLACES: readonly Place[] = [
  { to: '/users', label: 'Users', icon: 'people' },
  { to: '/audit', label: 'Audit log', icon: 'journal-text' },
];
