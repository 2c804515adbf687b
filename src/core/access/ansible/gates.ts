import { Gate } from '../ssh/gate.ts';

/** A gate for each key that is in use. */
export class Gates {
  readonly #limit: number;
  readonly #gates = new Map<string, Gate>();

  /** `limit`: how many may be inside at a time under one key. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Does `work` when there is room under this key. Rejects with the signal's reason when it fires before that. */
  async pass<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const gate = this.#gates.get(key) ?? new Gate(this.#limit);
    this.#gates.set(key, gate);
    const leave = await gate.enter(signal);
    try {
      return await work();
    } finally {
      leave();
      if (gate.empty) this.#gates.delete(key);
    }
  }
}
