import type { Verb } from '../ssh/scripts.ts';

export interface BatchLimits {
  /** A run is begun so many milliseconds after the last call that was on its way is ready. */
  readonly windowMs: number;
  /** The longest that a call waits for others that are on their way, in milliseconds. */
  readonly patienceMs: number;
  /** Most calls in one run. */
  readonly most: number;
  /** Most runs at a time. */
  readonly runsAtOnce: number;
}

interface Waiting<T> {
  readonly since: number;
  readonly item: T;
}

/** Gathers calls that come at about the same time into one run: starting Ansible costs far more than another machine in it. */
export class Batches<T> {
  readonly #limits: BatchLimits;
  readonly #run: (verb: Verb, items: T[]) => Promise<void>;
  readonly #waiting: Record<Verb, Waiting<T>[]> = { create: [], remove: [], probe: [], verify: [] };
  readonly #onTheWay: Record<Verb, number> = { create: 0, remove: 0, probe: 0, verify: 0 };
  readonly #running = new Set<Promise<void>>();

  /** `run` must not reject. */
  constructor(limits: BatchLimits, run: (verb: Verb, items: T[]) => Promise<void>) {
    this.#limits = limits;
    this.#run = run;
  }

  /** Does `prepare` for a call, and has the run of its verb wait for it a little. */
  async onTheWay<R>(verb: Verb, prepare: () => Promise<R>): Promise<R> {
    this.#onTheWay[verb] += 1;
    try {
      return await prepare();
    } finally {
      this.#onTheWay[verb] -= 1;
      setTimeout(() => this.#begin(verb), this.#limits.windowMs);
    }
  }

  /** Puts a call into the next run of its verb. Answers how to take it out again, which does nothing once the run has begun. */
  add(verb: Verb, item: T): () => void {
    const waiting = { since: performance.now(), item };
    this.#waiting[verb].push(waiting);
    setTimeout(() => this.#begin(verb), this.#limits.patienceMs);
    return () => {
      this.#waiting[verb] = this.#waiting[verb].filter((one) => one !== waiting);
    };
  }

  /** Resolves when no run is under way. */
  async ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #begin(verb: Verb): void {
    const [first] = this.#waiting[verb];
    if (first === undefined || this.#running.size >= this.#limits.runsAtOnce) return;
    if (this.#onTheWay[verb] > 0 && performance.now() - first.since < this.#limits.patienceMs - 1) return;
    const items = this.#waiting[verb].splice(0, this.#limits.most).map(({ item }) => item);
    const run = this.#run(verb, items).finally(() => {
      this.#running.delete(run);
      for (const next of ['remove', 'create', 'probe', 'verify'] as const) this.#begin(next);
    });
    this.#running.add(run);
    this.#begin(verb);
  }
}
