import type { CreatedAccount, ProbeReport, RemovalReport } from '#core/access/driver.ts';
import { type Answer, wholeNumber } from './answer.ts';
import { printable } from './failures.ts';

// Each reader gives null for an answer that lacks a value or holds one that cannot be true.

const MOST_UID = 0xffff_fffe;
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
  const outcome = OUTCOMES.find((known) => known === answer.values.get('outcome'));
  const uid = wholeNumber(answer, 'uid', MOST_UID);
  const processesEnded = wholeNumber(answer, 'processes', Number.MAX_SAFE_INTEGER);
  const filesRemoved = wholeNumber(answer, 'files', Number.MAX_SAFE_INTEGER);
  if (outcome === undefined || uid === null || processesEnded === null || filesRemoved === null) return null;
  return { outcome, uid: uid === 0 ? null : uid, processesEnded, filesRemoved };
}
