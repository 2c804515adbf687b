import type { Moves } from './moves.ts';

export type ReservationState = 'preparing' | 'active' | 'ending' | 'ended' | 'failed';
export type AllocationState = 'preparing' | 'active' | 'cleaning' | 'cleaned';

export const RESERVATION_MOVES: Moves<ReservationState> = {
  preparing: ['active', 'failed'],
  active: ['ending'],
  ending: ['ended'],
  ended: [],
  failed: [],
};

/** An allocation is open, and holds its machine, until it is `cleaned`. */
export const ALLOCATION_MOVES: Moves<AllocationState> = {
  preparing: ['active', 'cleaning'],
  active: ['cleaning'],
  cleaning: ['cleaned'],
  cleaned: [],
};

/** Why a reservation is over. */
export type EndReason = 'expired' | 'released' | 'released_by_admin' | 'user_removed' | 'preparation_failed';

export const DEFAULT_MINUTES = 60;
/** Thirty days. */
export const MAX_MINUTES = 43_200;
export const MAX_MACHINES_PER_RESERVATION = 1_000;
