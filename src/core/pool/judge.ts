import type { Leftover, VerifyReport } from '#core/access/driver.ts';
import type { Finding } from '#core/domain/finding.ts';
import type { Allocation } from '#core/store/allocations.ts';

/** What Berth knows, to judge a report by. */
export interface Known {
  readonly machineId: string;
  /** When the look began. */
  readonly since: Date;
  /** The allocations of the accounts that were found, read after the look: an account is never there before its row is. */
  readonly allocations: ReadonlyMap<string, Allocation>;
  /** The active allocation whose account has to be there, if it was active before and after the look. */
  readonly expected: Allocation | null;
  readonly accountName: string | null;
  readonly endedGeneration: number;
}

/** What of a report ought not to be so, and the accounts of it that belong to nobody. */
export function judge(
  report: VerifyReport,
  known: Known,
): { findings: Finding[]; strays: { allocationId: string; accountName: string }[] } {
  const findings: Finding[] = [];
  const strays: { allocationId: string; accountName: string }[] = [];
  for (const account of report.accounts) {
    const row = known.allocations.get(account.allocationId);
    const what = `account ${account.accountName} (uid ${account.uid})${account.entry ? '' : ', half made or half removed'}`;
    if (row && row.state !== 'cleaned') {
      if (row.machineId === known.machineId) continue;
      findings.push({
        kind: 'other_machines_account',
        words: `${what} of ${row.machineName}, which is the same machine under another name`,
      });
      continue;
    }
    // It was removed while we looked.
    if (row?.cleanedAt && row.cleanedAt >= known.since) continue;
    const whose = row ? 'whose allocation is over' : 'that this Berth does not know';
    findings.push({ kind: 'unknown_account', words: `${what} ${whose}` });
    strays.push(account);
  }
  for (const leftover of report.leftovers) findings.push({ kind: 'leftover', words: leftoverWords(leftover) });
  if (report.more > 0) findings.push({ kind: 'leftover', words: `${report.more} more things` });
  const { expected } = known;
  if (expected) {
    const there = report.accounts.some((one) => one.allocationId === expected.id && one.entry);
    if (!there) {
      findings.push({ kind: 'missing_account', words: `account ${known.accountName} of its reservation is not there` });
    } else if (report.keysDiffer) {
      findings.push({
        kind: 'other_keys',
        words: `account ${known.accountName} has other keys than those of its order`,
      });
    }
  }
  if (report.fence < known.endedGeneration) {
    findings.push({
      kind: 'lost_fence',
      words: `its fence against late creations is at ${report.fence} instead of ${known.endedGeneration}`,
    });
  }
  return { findings, strays };
}

const WORDS: Readonly<Record<Leftover['kind'], (count: number) => string>> = {
  process: (n) => `${n} process${n === 1 ? '' : 'es'}`,
  file: (n) => `${n} file${n === 1 ? '' : 's'} where everybody may write`,
  ipc: (n) => `${n} object${n === 1 ? '' : 's'} of shared memory or queues`,
  home: () => 'the home',
  job: () => 'the waiting job',
  runtime: () => 'the runtime folder',
  group: () => 'the group',
  staging: () => 'the unfinished home',
  limits: () => 'the limits',
  record: () => 'the unfinished record',
};

function leftoverWords({ kind, uid, count, name }: Leftover): string {
  return `${WORDS[kind](count)}${name === null ? '' : ` ${name}`} of an account that is gone${uid === null ? '' : ` (uid ${uid})`}`;
}
