import type { Socket } from 'node:net';

/** What a server may send until it has shown its key, in bytes. */
export const MOST_BEFORE_KEY = 32 * 1024;
/** What we have sent and the other side has not taken, in bytes. Its requests are answered by the library, so they add up. */
const MOST_UNSENT = 4 * 1024 * 1024;

/**
 * Counts what comes in on a connection, below everything that reads it, and tells once when it is more than there is reason
 * for: the library itself takes greetings, banners and ignored packets without end.
 */
export class Intake {
  readonly #socket: Socket;
  #most: number;
  #flooded = false;

  /** `most`: bytes that may come at first. */
  constructor(socket: Socket, most: number, onFlood: () => void) {
    this.#socket = socket;
    this.#most = most;
    const look = (): void => {
      if (socket.bytesRead <= this.#most && socket.writableLength <= MOST_UNSENT) return;
      socket.removeListener('data', look);
      this.#flooded = true;
      onFlood();
    };
    socket.on('data', look);
  }

  /** Whether it was more than that. */
  get flooded(): boolean {
    return this.#flooded;
  }

  /** From now on, at most so many bytes more. */
  allow(bytes: number): void {
    this.#most = this.#socket.bytesRead + bytes;
  }
}
