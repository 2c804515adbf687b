/** Lets a few works run at once; the others wait in line, those that come first before the rest. */
export interface Turns {
  /** Runs `work` in its turn. @throws what `refuse` makes, at once, when the line is full. */
  take<T>(line: 'first' | 'rest', work: () => Promise<T>): Promise<T>;
}

export function createTurns(atOnce: number, longestLine: number, refuse: () => Error): Turns {
  const lines = { first: [] as (() => void)[], rest: [] as (() => void)[] };
  let running = 0;

  return {
    async take(line, work) {
      if (running < atOnce) running += 1;
      else {
        if (lines[line].length >= longestLine) throw refuse();
        // Whoever ends hands the own place over, so nobody can slip in between.
        await new Promise<void>((resolve) => lines[line].push(resolve));
      }
      try {
        return await work();
      } finally {
        const next = lines.first.shift() ?? lines.rest.shift();
        if (next) next();
        else running -= 1;
      }
    },
  };
}
