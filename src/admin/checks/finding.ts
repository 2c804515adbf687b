/** What a check found, in words for the person who runs the server; never a secret. */
export interface Finding {
  /** `warning`: it works, and is not as it should be. `skipped`: something it needs has failed. */
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly message: string;
  /** What to do about it. */
  readonly mend?: string;
  /** The single things that are wrong, where there are several. */
  readonly problems?: readonly Problem[];
}

export interface Problem {
  readonly what: string;
  readonly mend: string;
}

export const ok = (message: string): Finding => ({ status: 'ok', message });
export const failed = (message: string, mend: string): Finding => ({ status: 'failed', message, mend });
export const warning = (message: string, mend: string): Finding => ({ status: 'warning', message, mend });
export const skipped = (needed: string): Finding => ({ status: 'skipped', message: `needs ${needed}` });

/** `ok`, or as bad as `status` when there are problems. */
export function summary(
  status: 'warning' | 'failed',
  problems: readonly Problem[],
  well: string,
  ill = `${problems.length} thing(s) are not right`,
): Finding {
  if (problems.length === 0) return ok(well);
  const [only] = problems;
  if (problems.length === 1 && only) return { status, message: only.what, mend: only.mend };
  return { status, message: ill, problems };
}
