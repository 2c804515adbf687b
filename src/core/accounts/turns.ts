/** Lets a few works run at once; the others wait in line, those that come first before most of the rest. */
export interface Turns {
  /**
   * Runs `work` in its turn, for somebody who may have only a share of the line.
   * @throws what `refuse` makes, at once, when the line or that share of it is full.
   */
  take<T>(line: 'first' | 'rest', who: string, work: () => Promise<T>): Promise<T>;
}

export interface TurnsLimits {
  /** Works that run at the same time. */
  readonly atOnce: number;
  /** Places in each of the two lines. */
  readonly longestLine: number;
  /** Of one `who`, running and waiting. */
  readonly mostOfOne: number;
}

/** So many of the first line go before one of the rest, who would wait for ever behind people who keep coming. */
const FIRST_IN_A_ROW = 3;

export function createTurns({ atOnce, longestLine, mostOfOne }: TurnsLimits, refuse: () => Error): Turns {
  const lines = { first: [] as (() => void)[], rest: [] as (() => void)[] };
  const taken = new Map<string, number>();
  let running = 0;
  let inARow = 0;

  const next = (): (() => void) | undefined => {
    const rests = lines.first.length === 0 || (inARow >= FIRST_IN_A_ROW && lines.rest.length > 0);
    inARow = rests ? 0 : inARow + 1;
    return (rests ? lines.rest : lines.first).shift();
  };

  return {
    async take(line, who, work) {
      const share = taken.get(who) ?? 0;
      if (share >= mostOfOne || (running >= atOnce && lines[line].length >= longestLine)) throw refuse();
      taken.set(who, share + 1);
      if (running < atOnce) running += 1;
      // Whoever ends hands the own place over, so nobody can slip in between.
      else await new Promise<void>((resolve) => lines[line].push(resolve));
      try {
        return await work();
      } finally {
        const left = (taken.get(who) ?? 1) - 1;
        if (left === 0) taken.delete(who);
        else taken.set(who, left);
        const following = next();
        if (following) following();
        else running -= 1;
      }
    },
  };
}
