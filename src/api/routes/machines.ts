import type { Credential } from '#core/domain/machine.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { ApiDeps, Handlers } from '../handler.ts';
import { machineOnWire, verificationOnWire } from '../views.ts';

const SSH_PORT = 22;
const DEFAULT_PAGE = 50;

export function machineHandlers({ pool }: ApiDeps) {
  return {
    async registerMachine({ caller, now, body, reply }) {
      const credential = credentialOf(body);
      if (!credential)
        throw new Refusal('invalid_request', 'password: is missing; give a password or a private_key to log in with');
      const machine = await pool.registerMachine(
        caller,
        {
          name: body.name,
          host: body.host,
          port: body.port ?? SSH_PORT,
          user: body.user,
          credential,
          ...(body.labels && { labels: body.labels }),
          ...(body.host_key !== undefined && { hostKey: body.host_key }),
        },
        now,
      );
      reply.code(201);
      return machineOnWire(machine, caller);
    },
    listMachines: async ({ caller }) => (await pool.listMachines()).map((one) => machineOnWire(one, caller)),
    getMachine: async ({ caller, params }) => machineOnWire(await pool.getMachine(params.name), caller),
    async machineHistory({ params, query: { before, limit = DEFAULT_PAGE } }) {
      const page = await pool.machineHistory(params.name, { ...(before !== undefined && { before }), limit });
      return {
        entries: page.entries.map(({ at, action, actor, holder, reservationId, reason }) => ({
          at: at.toISOString(),
          action,
          actor,
          username: holder,
          reservation_id: reservationId,
          reason,
        })),
        next: page.next,
      };
    },
    async updateMachine({ caller, now, params, body }) {
      const credential = credentialOf(body);
      // At another address there is another host key, and whoever answers there is told the credential.
      // The same goes for a host key that somebody else may have.
      const elsewhere = (['host', 'port', 'accept_host_key'] as const).find((field) => body[field] !== undefined);
      if (caller.apiToken && !credential && elsewhere !== undefined) {
        throw new Refusal(
          'forbidden',
          `${elsewhere}: with an API token the password or private_key has to be given again when the address or the host key changes`,
        );
      }
      const changes = {
        ...(body.host !== undefined && { host: body.host }),
        ...(body.port !== undefined && { port: body.port }),
        ...(body.user !== undefined && { user: body.user }),
        ...(credential && { credential }),
        ...(body.labels !== undefined && { labels: body.labels }),
        ...(body.disabled !== undefined && { disabled: body.disabled }),
        ...(body.accept_host_key !== undefined && { acceptHostKey: body.accept_host_key }),
      };
      const { changed, ...machine } = await pool.updateMachine(caller, params.name, changes, now);
      return { ...machineOnWire(machine, caller), changed: changed.map(onWire) };
    },
    verifyMachine: async ({ caller, params, body }) =>
      verificationOnWire(params.name, await pool.verifyMachine(caller, params.name, body.repair ?? false)),
    async deleteMachine({ caller, now, params }) {
      await pool.deleteMachine(caller, params.name, now);
      return { message: 'deleted' };
    },
  } satisfies Partial<Handlers>;
}

function credentialOf(body: { password?: string; private_key?: string }): Credential | null {
  if (body.password !== undefined && body.private_key !== undefined) {
    throw new Refusal('invalid_request', 'private_key: give either a password or a private_key, not both');
  }
  if (body.password !== undefined) return { kind: 'password', password: body.password };
  if (body.private_key !== undefined) return { kind: 'private_key', privateKey: body.private_key };
  return null;
}

function onWire(field: string): string {
  return field === 'acceptHostKey' ? 'accept_host_key' : field;
}
