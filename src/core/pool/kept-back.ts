import { type Finding, isDirt } from '#core/domain/finding.ts';
import type { Machine } from '#core/store/machines.ts';

/** The state of a machine that is not lent because of what was found on it. */
export function keptBack(findings: readonly Finding[]): Pick<Machine, 'state' | 'reason' | 'mend'> {
  const [first, ...more] = findings.filter(isDirt);
  return {
    state: 'quarantined',
    reason: `found on it: ${first?.words ?? ''}${more.length > 0 ? `, and ${more.length} more` : ''}`,
    mend: 'Have it repaired ("berth verify MACHINE --repair", or Repair on its page), or clean it by hand and have it looked through again.',
  };
}
