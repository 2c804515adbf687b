import { once } from 'node:events';
import { WebSocket } from 'ws';

/** A terminal as the page has it, over a real socket. */
export interface TerminalClient {
  readonly socket: WebSocket;
  /** What the server said in text frames. */
  readonly said: { type: string; shell?: string; resumed?: boolean; reason?: string }[];
  /** What the shell has printed. */
  text(): string;
  /** All bytes that came. */
  bytes(): number;
  /** The close code, once the socket is closed. */
  readonly code: number | null;
  open(ticket: string, more?: { cols?: number; rows?: number; resume?: string | null }): void;
  say(message: unknown): void;
  type(text: string): void;
}

/** Connects to `http://...` of a server. Rejects when it does not let the socket in. */
export async function connectTerminal(base: string, headers: Record<string, string> = {}): Promise<TerminalClient> {
  const socket = new WebSocket(`${base.replace('http', 'ws')}/api/terminal`, { headers, perMessageDeflate: false });
  let text = '';
  let bytes = 0;
  let code: number | null = null;
  const said: TerminalClient['said'] = [];
  socket.on('message', (data, isBinary) => {
    if (!isBinary) return void said.push(JSON.parse(String(data)));
    bytes += (data as Buffer).length;
    text = (text + String(data)).slice(-200_000);
  });
  socket.on('close', (given) => {
    code = given;
  });
  await once(socket, 'open');
  socket.on('error', () => undefined);
  const say = (message: unknown): void => socket.send(JSON.stringify(message));
  return {
    socket,
    said,
    text: () => text,
    bytes: () => bytes,
    get code() {
      return code;
    },
    say,
    open: (ticket, { cols = 80, rows = 24, resume = null } = {}) => say({ type: 'open', ticket, cols, rows, resume }),
    type: (typed) => socket.send(Buffer.from(typed), { binary: true }),
  };
}
