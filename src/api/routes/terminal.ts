import { Refusal } from '#core/domain/refusal.ts';
import type { ApiDeps, Handlers } from '../handler.ts';

export function terminalHandlers({ terminals }: ApiDeps) {
  return {
    async createTerminalTicket({ caller, now, body, reply }) {
      const { ticket, expiresInSeconds } = await terminals.issueTicket(caller, body.reservation_id, body.machine, now);
      reply.code(201);
      return { ticket, expires_in: expiresInSeconds };
    },
    /** For requests that are no upgrade; terminal-socket.ts serves the others. */
    async terminal() {
      throw new Refusal('invalid_request', 'Upgrade: this is a WebSocket');
    },
  } satisfies Partial<Handlers>;
}
