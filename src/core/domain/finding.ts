/** What a look at a machine can find that ought not to be so. */
export type FindingKind =
  /** An account with Berth's mark whose allocation is over, or that Berth knows nothing of. */
  | 'unknown_account'
  /** The account of an allocation of another machine: one machine is registered twice. */
  | 'other_machines_account'
  /** Processes, files and the like of accounts that are gone. */
  | 'leftover'
  /** The account of an active allocation is not there. */
  | 'missing_account'
  /** The account's keys are not those that were ordered; its owner may do that. */
  | 'other_keys'
  /** The machine has forgotten which generations ended there. */
  | 'lost_fence';

export interface Finding {
  readonly kind: FindingKind;
  /** One line for people. */
  readonly words: string;
}

const DIRT: ReadonlySet<FindingKind> = new Set(['unknown_account', 'other_machines_account', 'leftover']);

/** Does it keep the machine from being lent? A machine is never lent dirty. */
export function isDirt({ kind }: Finding): boolean {
  return DIRT.has(kind);
}

/** Is it a trouble that somebody should know of? What a borrower may do is none. */
export function isDrift({ kind }: Finding): boolean {
  return kind !== 'other_keys';
}
