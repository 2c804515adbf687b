/** Lets at most `limit` in at a time; the others wait in the order they came. */
export class Gate {
  readonly #limit: number;
  readonly #waiting = new Set<() => void>();
  #inside = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Waits for a place and answers with the way out, to be called once. Rejects with the signal's reason when it fires first. */
  async enter(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#inside < this.#limit) this.#inside += 1;
    else await this.#wait(signal);
    return () => this.#leave();
  }

  /** Is nobody inside? */
  get empty(): boolean {
    return this.#inside === 0;
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        this.#waiting.delete(enter);
        reject(signal?.reason);
      };
      this.#waiting.add(enter);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#inside -= 1;
      return;
    }
    // The place goes straight to the next one.
    this.#waiting.delete(next);
    next();
  }
}
