import type { Shell, ShellAccess, ShellListener, ShellOrder, TerminalSize } from '#core/access/driver.ts';

/** One shell on a machine in memory; the test plays the machine. */
export interface FakeShell extends ShellListener {
  readonly machine: string;
  readonly order: ShellOrder;
  readonly typed: () => string;
  readonly sizes: TerminalSize[];
  readonly paused: boolean;
  readonly ended: boolean;
  /** Whether it takes what is typed at once. */
  takes: boolean;
}

export interface FakeShells extends ShellAccess {
  /** In the order in which they were opened. */
  readonly opened: FakeShell[];
  /** Called before each is opened; what it throws is thrown. */
  before: (() => Promise<void> | void) | null;
}

/** Shells for tests of what Berth does with them. */
export function createFakeShells(): FakeShells {
  const self: FakeShells = {
    opened: [],
    before: null,
    async openShell(machine, order, listener) {
      await self.before?.();
      let typed = '';
      let paused = false;
      let ended = false;
      const fake: FakeShell = {
        machine: machine.name,
        order,
        typed: () => typed,
        sizes: [order.size],
        get paused() {
          return paused;
        },
        get ended() {
          return ended;
        },
        takes: true,
        output: (data) => listener.output(data),
        drained: () => listener.drained(),
        closed(exited) {
          ended = true;
          listener.closed(exited);
        },
      };
      self.opened.push(fake);
      const shell: Shell = {
        write(data) {
          typed += Buffer.from(data).toString();
          return fake.takes;
        },
        resize: (size) => void fake.sizes.push(size),
        pause: () => {
          paused = true;
        },
        resume: () => {
          paused = false;
        },
        close: () => {
          ended = true;
        },
      };
      return shell;
    },
  };
  return self;
}
