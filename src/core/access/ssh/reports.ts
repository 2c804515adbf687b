import {
  type CreatedAccount,
  LEFTOVERS as LEFTOVER_KINDS,
  type Leftover,
  type ProbeReport,
  REMOVAL_CHECKS,
  type RemovalReport,
  type VerifyReport,
} from '#core/access/driver.ts';
import { type Answer, wholeNumber } from './answer.ts';
import { printable } from './failures.ts';

// Each reader gives null for an answer that lacks a value or holds one that cannot be true.

const MOST_UID = 0xffff_fffe;
const ALLOCATION = /^[A-Za-z0-9_-]{1,64}$/;
const NUMBER = /^[0-9]{1,10}$/;
/** Leftovers of which there may be many of one uid. */
const COUNTED: ReadonlySet<string> = new Set(['process', 'file', 'ipc']);
const OUTCOMES = ['removed', 'absent', 'foreign'] as const;

/** `now`: when the answer came, in epoch milliseconds. */
export function readProbe(answer: Answer, hostKey: string, now: number): ProbeReport | null {
  const time = wholeNumber(answer, 'time', Number.MAX_SAFE_INTEGER);
  const freeDiskMegabytes = wholeNumber(answer, 'disk_mb', Number.MAX_SAFE_INTEGER);
  const fence = wholeNumber(answer, 'fence', Number.MAX_SAFE_INTEGER);
  const load = Number.parseFloat(answer.values.get('load') ?? '');
  if (time === null || freeDiskMegabytes === null || fence === null || !Number.isFinite(load)) return null;
  return {
    hostKey,
    operatingSystem: printable(answer.values.get('os') ?? '', 100),
    // The machine tells whole seconds: on average half a second has passed since.
    clockSkewSeconds: Math.round(time + 0.5 - now / 1000),
    freeDiskMegabytes,
    fence,
    load,
  };
}

export function readCreation(answer: Answer, hostKey: string): CreatedAccount | null {
  const uid = wholeNumber(answer, 'uid', MOST_UID);
  return uid === null || uid < 1_000 ? null : { uid, hostKey };
}

export function readRemoval(answer: Answer): RemovalReport | null {
  const count = (name: string) => wholeNumber(answer, name, Number.MAX_SAFE_INTEGER);
  const outcome = OUTCOMES.find((known) => known === answer.values.get('outcome'));
  const uid = wholeNumber(answer, 'uid', MOST_UID);
  const processesEnded = count('processes');
  const processesKilled = count('killed');
  const sessionsEnded = count('sessions');
  const [home, temporary, mail, jobs] = [
    count('home_files'),
    count('temporary_files'),
    count('mail_files'),
    count('job_files'),
  ];
  const words = (answer.values.get('checked') ?? '').split(' ');
  if (outcome === undefined || uid === null) return null;
  if (processesEnded === null || processesKilled === null || sessionsEnded === null) return null;
  if (home === null || temporary === null || mail === null || jobs === null) return null;
  return {
    outcome,
    uid: uid === 0 ? null : uid,
    processesEnded,
    processesKilled,
    sessionsEnded,
    filesRemoved: home + temporary + mail + jobs,
    filesIn: { home, temporary, mail, jobs },
    checked: REMOVAL_CHECKS.filter((check) => words.includes(check)),
  };
}

export function readVerification(answer: Answer): VerifyReport | null {
  const fence = wholeNumber(answer, 'fence', Number.MAX_SAFE_INTEGER);
  if (fence === null) return null;
  const accounts: VerifyReport['accounts'][number][] = [];
  const leftovers: Leftover[] = [];
  let keysDiffer = false;
  for (const line of answer.found) {
    const words = line.split(' ');
    const [kind = '', first = '', second = '', third = '', fourth = ''] = words;
    const leftover = LEFTOVER_KINDS.find((known) => known === kind);
    if (kind === 'keys') keysDiffer = true;
    else if (kind === 'account' && ALLOCATION.test(first) && NUMBER.test(third)) {
      accounts.push({
        allocationId: first,
        accountName: printable(second, 32),
        uid: Number(third),
        entry: fourth === 'entry',
      });
    } else if (leftover !== undefined && NUMBER.test(first)) {
      const counted = COUNTED.has(leftover) && NUMBER.test(second);
      leftovers.push({
        kind: leftover,
        uid: first === '0' ? null : Number(first),
        count: counted ? Number(second) : 1,
        name: counted ? null : printable(second, 64),
      });
    } else return null;
  }
  return {
    fence,
    loginKeys: wholeNumber(answer, 'login_keys', 1_000_000),
    accounts,
    keysDiffer,
    leftovers,
    more: wholeNumber(answer, 'more', Number.MAX_SAFE_INTEGER) ?? 0,
  };
}
