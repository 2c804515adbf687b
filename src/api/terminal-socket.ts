import type { FastifyRequest } from 'fastify';
import type { RawData, WebSocket } from 'ws';
import { TerminalOpen, TerminalResize, type TerminalSays } from '#contract/schemas.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { ClosedReason, TerminalHandle, Terminals, Viewer } from '#core/pool/terminals.ts';
import { compileValidator } from './validation.ts';

/** A frame of input, e.g. what is pasted at once. */
export const LONGEST_FRAME_BYTES = 256 * 1024;
/** Sockets that have not shown a ticket yet, in one process. */
const MOST_STRANGERS = 200;
const TICKET_LIMIT_MS = 10_000;
/** What may come before the shell is there. */
const MOST_EARLY_FRAMES = 64;
const MOST_EARLY_BYTES = LONGEST_FRAME_BYTES;
const PING_EVERY_MS = 30_000;
/** Codes of RFC 6455. */
const NORMAL = 1000;
const POLICY = 1008;
const RESTART = 1012;

const isOpen = compileValidator({ schema: TerminalOpen, httpPart: 'body' });
const isResize = compileValidator({ schema: TerminalResize, httpPart: 'body' });

/** In words, except for the two that the page has words of its own for. */
const REASONS: Readonly<Record<ClosedReason, string>> = {
  ended: 'ended',
  exit: 'exit',
  lost: 'The connection to the machine was lost.',
  signed_out: 'You have been signed out.',
  taken_over: 'The terminal was opened in another window.',
};

/** Serves the sockets of terminals: each shows a ticket first, and is a shell from then on. */
export function createTerminalSockets(
  terminals: Terminals,
  clock: () => Date,
): (socket: WebSocket, request: FastifyRequest) => void {
  let strangers = 0;
  return (socket, request) => {
    if (strangers >= MOST_STRANGERS) return socket.close(RESTART);
    strangers += 1;
    serve(socket, terminals, clock, request, () => {
      strangers -= 1;
    });
  };
}

function serve(
  socket: WebSocket,
  terminals: Terminals,
  clock: () => Date,
  { ip, log }: FastifyRequest,
  known: () => void,
): void {
  const end = (reason: string, code = NORMAL): void => {
    if (socket.readyState !== socket.OPEN) return;
    say(socket, { type: 'closed', reason });
    socket.close(code);
  };
  let opening = false;
  let handle: TerminalHandle | null = null;
  let stranger = true;
  const early: (() => void)[] = [];
  let earlyBytes = 0;
  const leaveStrangers = (): void => {
    if (stranger) known();
    stranger = false;
  };
  const late = setTimeout(() => end('No ticket came in time.', POLICY), TICKET_LIMIT_MS);

  const open = async (message: Message): Promise<void> => {
    if (!isTerminalOpen(message)) return end('The first message has to be an open with a ticket.', POLICY);
    opening = true;
    try {
      const size = { columns: message.cols, rows: message.rows };
      handle = await terminals.open(
        { ticket: message.ticket, size, resume: message.resume, address: ip },
        viewerOf(socket, end),
        clock(),
      );
      // The socket may have gone while the shell was opened: nobody knows the shell's id then.
      if (socket.readyState !== socket.OPEN) return handle.close();
      for (const work of early.splice(0)) work();
    } catch (error) {
      if (error instanceof Refusal) return end(error.message, POLICY);
      log.error({ err: error }, 'terminal failed');
      end('Something went wrong here; the log of the server has the reason.');
    } finally {
      leaveStrangers();
    }
  };

  const take = (data: RawData, isBinary: boolean): void => {
    const message = isBinary ? null : parsed(data);
    if (isBinary) handle?.input(data as Buffer);
    else if (isTerminalResize(message)) handle?.resize({ columns: message.cols, rows: message.rows });
    else end('A text message has to be a resize.', POLICY);
  };

  socket.on('message', (data, isBinary) => {
    // It was told to go, and goes on talking.
    if (socket.readyState !== socket.OPEN) return;
    if (handle) return take(data, isBinary);
    if (opening) {
      earlyBytes += (data as Buffer).length;
      if (early.push(() => take(data, isBinary)) > MOST_EARLY_FRAMES || earlyBytes > MOST_EARLY_BYTES)
        end('Too much came before the shell was open.', POLICY);
      return;
    }
    clearTimeout(late);
    void open(isBinary ? null : parsed(data));
  });
  const stopPings = keepAlive(socket);
  socket.on('close', () => {
    clearTimeout(late);
    stopPings();
    handle?.detach();
    if (!opening) leaveStrangers();
  });
}

function viewerOf(socket: WebSocket, end: (reason: string) => void): Viewer {
  return {
    opened: (shell, resumed) => say(socket, { type: 'opened', shell, resumed }),
    output: (data) => {
      if (socket.readyState === socket.OPEN) socket.send(data, { binary: true });
    },
    unsent: () => socket.bufferedAmount,
    holdInput: (hold) => {
      if (hold) socket.pause();
      else socket.resume();
    },
    closed: (reason) => {
      // A page opens another one by itself then, on a process that goes on.
      if (reason === null) socket.close(RESTART);
      else end(REASONS[reason]);
    },
  };
}

/** Cuts off a socket whose other side has gone without a word. */
function keepAlive(socket: WebSocket): () => void {
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  const pings = setInterval(() => {
    // While input is held back no answer is read either.
    if (!answered && !socket.isPaused) return socket.terminate();
    answered = false;
    socket.ping();
  }, PING_EVERY_MS).unref();
  return () => clearInterval(pings);
}

function say(socket: WebSocket, words: TerminalSays): void {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(words));
}

type Message = { readonly [field: string]: unknown } | null;

function parsed(data: RawData): Message {
  try {
    return JSON.parse(String(data));
  } catch {
    return null;
  }
}

function isTerminalOpen(
  message: Message,
): message is { type: string; ticket: string; cols: number; rows: number; resume: string | null } {
  return isOpen(message) as boolean;
}

function isTerminalResize(message: Message): message is { type: string; cols: number; rows: number } {
  return isResize(message) as boolean;
}
