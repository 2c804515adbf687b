import { randomUUID } from 'node:crypto';
import type { Shell, ShellListener, TerminalSize } from '#core/access/driver.ts';
import { Scrollback } from './scrollback.ts';
import type { ClosedReason, TerminalHandle, Viewer } from './terminals.ts';

/** How long a shell waits for its viewer to come back. */
const LINGER_MS = 120_000;
const SCROLLBACK_BYTES = 64 * 1024;
/** Output that the viewer has not taken: above the first the machine is stopped, below the second it goes on. */
const UNSENT_HIGH_BYTES = 256 * 1024;
const UNSENT_LOW_BYTES = 64 * 1024;
/** What one shell may print in a while, about 5 MB/s: decrypting a flood would hold up everybody else. */
const FLOOD_BYTES = 256 * 1024;
const WHILE_MS = 50;

/** What a shell belongs to. */
export interface ShellOwner {
  readonly userId: string;
  readonly sessionId: string | null;
  readonly tokenVersion: number;
  readonly allocationId: string;
}

/** Why a shell is over, for the audit log; `left` when nobody came back to it. */
export type EndOfShell = ClosedReason | 'left' | 'stopping';

/** One open shell, with or without somebody who looks at it. */
export class LiveShell implements ShellListener {
  readonly id: string = randomUUID();
  readonly #scrollback = new Scrollback(SCROLLBACK_BYTES);
  readonly #onEnd: (reason: EndOfShell) => void;
  /** Why the shell has ended by itself: only the caller can know. */
  readonly #onGone: (exited: boolean) => void;
  #owner: ShellOwner;
  #shell: Shell | null = null;
  #viewer: Viewer | null = null;
  #linger: NodeJS.Timeout | undefined;
  #rest: NodeJS.Timeout | undefined;
  #over = false;
  /** How it has ended, once it has. */
  #gone: { exited: boolean } | null = null;
  #shown = false;
  #printed = 0;
  #since = 0;

  constructor(owner: ShellOwner, onGone: (exited: boolean) => void, onEnd: (reason: EndOfShell) => void) {
    this.#owner = owner;
    this.#onGone = onGone;
    this.#onEnd = onEnd;
  }

  /** Whoever looks at it last, and what they are signed in by. */
  get owner(): ShellOwner {
    return this.#owner;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Whether somebody looks at it. */
  get watched(): boolean {
    return this.#viewer !== null;
  }

  /** The shell on the machine is there. */
  started(shell: Shell): void {
    this.#shell = shell;
    if (this.#over) shell.close();
  }

  /** From now on the viewer gets the output, after what is kept of it; one that looked before is sent away. */
  attach(viewer: Viewer, owner: ShellOwner, resumed: boolean): TerminalHandle {
    clearTimeout(this.#linger);
    const before = this.#viewer;
    this.#viewer = viewer;
    this.#owner = owner;
    before?.closed('taken_over');
    viewer.opened(this.id, resumed);
    const kept = this.#scrollback.read();
    if (kept.length > 0) viewer.output(kept);
    this.#shown = true;
    if (this.#gone) this.#onGone(this.#gone.exited);
    const mine = (work: () => void): void => {
      if (this.#viewer === viewer && !this.#over) work();
    };
    return {
      input: (data) => mine(() => this.#input(data)),
      resize: (size) => mine(() => this.resize(size)),
      detach: () => mine(() => this.#detach()),
      close: () => mine(() => this.end('left')),
    };
  }

  resize(size: TerminalSize): void {
    this.#shell?.resize(size);
  }

  /** Ends the shell, whatever it does, and tells its viewer. */
  end(reason: EndOfShell): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#linger);
    clearTimeout(this.#rest);
    const viewer = this.#viewer;
    this.#viewer = null;
    this.#shell?.close();
    this.#onEnd(reason);
    viewer?.closed(reason === 'stopping' || reason === 'left' ? null : reason);
  }

  output(data: Buffer): void {
    if (this.#over) return;
    this.#scrollback.add(data);
    this.#viewer?.output(data);
    const now = performance.now();
    if (now - this.#since > WHILE_MS) {
      this.#since = now;
      this.#printed = 0;
    }
    this.#printed += data.length;
    if (this.#rest === undefined && (this.#printed > FLOOD_BYTES || this.#unsent() > UNSENT_HIGH_BYTES)) this.#pause();
  }

  drained(): void {
    this.#viewer?.holdInput(false);
  }

  closed(exited: boolean): void {
    this.#gone = { exited };
    // Before it was shown to anybody there is nobody to be told; attach comes back to it.
    if (!this.#over && this.#shown) this.#onGone(exited);
  }

  #unsent(): number {
    return this.#viewer?.unsent() ?? 0;
  }

  #pause(): void {
    this.#shell?.pause();
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      if (this.#unsent() > UNSENT_LOW_BYTES) return this.#pause();
      this.#shell?.resume();
    }, WHILE_MS);
  }

  #input(data: Uint8Array): void {
    if (this.#shell?.write(data) === false) this.#viewer?.holdInput(true);
  }

  #detach(): void {
    this.#viewer = null;
    this.#linger = setTimeout(() => this.end('left'), LINGER_MS).unref();
  }
}
