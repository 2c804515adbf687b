import { CallFailure } from '#contract/client.ts';
import { routes } from '#contract/routes.ts';
import type { TerminalSays } from '#contract/schemas.ts';
import { call } from '../../lib/session.ts';

export type ShellState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  /** The line was lost; it is tried again by itself. */
  | { readonly kind: 'lost' }
  /** Over for good; `reason` is in words. */
  | { readonly kind: 'closed'; readonly reason: string };

export interface ShellEvents {
  /** A shell is there; what it has shown so far follows when it is one from before. */
  opened(resumed: boolean): void;
  output(bytes: Uint8Array): void;
  state(state: ShellState): void;
}

export interface ShellConnection {
  input(bytes: Uint8Array): void;
  resize(cols: number, rows: number): void;
  close(): void;
}

interface Size {
  readonly cols: number;
  readonly rows: number;
}

const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 5_000;

/**
 * A shell on a machine of an own active reservation, through a WebSocket that a single-use ticket opens. After a lost line,
 * and after a reload of the page, it goes on with the same shell as long as the server keeps it.
 */
export function connectShell(
  reservationId: string,
  machine: string,
  size: () => Size,
  events: ShellEvents,
): ShellConnection {
  const key = `berth.shell.${reservationId}.${machine}`;
  let socket: WebSocket | null = null;
  let over = false;
  let pause = FIRST_PAUSE_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const end = (reason: string): void => {
    over = true;
    sessionStorage.removeItem(key);
    events.state({ kind: 'closed', reason });
  };

  const again = (): void => {
    if (over) return;
    events.state({ kind: 'lost' });
    timer = setTimeout(open, pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  };

  const open = async (): Promise<void> => {
    let ticket: string;
    try {
      ({ ticket } = await call('createTerminalTicket', { body: { reservation_id: reservationId, machine } }));
    } catch (error) {
      if (over) return;
      if (error instanceof CallFailure && error.status < 500 && error.status !== 429) return end(error.message);
      return again();
    }
    if (over) return;
    const line = new WebSocket(`${location.origin.replace(/^http/, 'ws')}${routes.terminal.path}`);
    line.binaryType = 'arraybuffer';
    socket = line;
    line.onopen = () =>
      line.send(JSON.stringify({ type: 'open', ticket, ...size(), resume: sessionStorage.getItem(key) }));
    line.onmessage = ({ data }) => {
      if (typeof data !== 'string') return events.output(new Uint8Array(data as ArrayBuffer));
      const message = JSON.parse(data) as TerminalSays;
      if (message.type === 'opened') {
        pause = FIRST_PAUSE_MS;
        sessionStorage.setItem(key, message.shell);
        events.opened(message.resumed);
        events.state({ kind: 'open' });
      } else end(reasonWords(message.reason));
    };
    line.onclose = () => {
      if (socket === line) socket = null;
      again();
    };
  };

  const send = (data: string | Uint8Array): void => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(data as string | Uint8Array<ArrayBuffer>);
  };

  events.state({ kind: 'connecting' });
  void open();
  return {
    input: send,
    resize: (cols, rows) => send(JSON.stringify({ type: 'resize', cols, rows })),
    close() {
      over = true;
      clearTimeout(timer);
      socket?.close();
    },
  };
}

function reasonWords(reason: string): string {
  if (reason === 'ended') return 'Your reservation has ended, and the shell with it.';
  if (reason === 'exit') return 'The shell has ended.';
  return reason;
}
