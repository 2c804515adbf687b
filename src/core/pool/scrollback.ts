const LINE_END = 0x0a;
/** A line is not searched for further than this: output need not have any. */
const LONGEST_LINE = 4 * 1024;

/** The last that a shell has printed, for somebody who comes back to it. */
export class Scrollback {
  readonly #limit: number;
  #parts: Buffer[] = [];
  #size = 0;
  #cut = false;

  /** Keeps at most `limit` bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  add(data: Uint8Array): void {
    // A copy: the data may be a small part of a large piece of memory.
    const part = Buffer.from(data.length > this.#limit ? data.subarray(data.length - this.#limit) : data);
    if (data.length > this.#limit) this.#cut = true;
    this.#parts.push(part);
    this.#size += part.length;
    while (this.#size > this.#limit) {
      const first = this.#parts[0] as Buffer;
      const excess = this.#size - this.#limit;
      this.#cut = true;
      if (first.length <= excess) this.#parts.shift();
      else this.#parts[0] = first.subarray(excess);
      this.#size -= Math.min(first.length, excess);
    }
  }

  /** What is kept, from the beginning of a line where something before it was lost. */
  read(): Buffer {
    const all = Buffer.concat(this.#parts);
    const end = this.#cut ? all.subarray(0, LONGEST_LINE).indexOf(LINE_END) : -1;
    return all.subarray(end + 1);
  }
}
