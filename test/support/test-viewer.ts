import type { ClosedReason, Viewer } from '#core/pool/terminals.ts';

/** Looks at a shell and keeps what it sees. */
export interface TestViewer extends Viewer {
  readonly shells: { id: string; resumed: boolean }[];
  text(): string;
  /** The reason, once it is closed. */
  readonly end: { reason: ClosedReason | null } | null;
  held: boolean;
  /** What `unsent` answers. */
  waiting: number;
}

export function testViewer(): TestViewer {
  let text = '';
  let end: TestViewer['end'] = null;
  const self: TestViewer = {
    shells: [],
    text: () => text,
    get end() {
      return end;
    },
    held: false,
    waiting: 0,
    opened: (id, resumed) => void self.shells.push({ id, resumed }),
    output: (data) => {
      text += Buffer.from(data).toString();
    },
    unsent: () => self.waiting,
    holdInput: (hold) => {
      self.held = hold;
    },
    closed: (reason) => {
      if (end) throw new Error('closed twice');
      end = { reason };
    },
  };
  return self;
}
