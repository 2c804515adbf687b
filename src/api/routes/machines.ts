import type { Credential } from '#core/domain/machine.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { ApiDeps, Call, Handlers } from '../handler.ts';
import { machineOnWire } from '../views.ts';

interface MachineBody {
  readonly name: string;
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  readonly private_key?: string;
  readonly labels?: string[];
  readonly host_key?: string;
  readonly disabled?: boolean;
  readonly accept_host_key?: string;
}

const SSH_PORT = 22;

export function machineHandlers({ pool }: ApiDeps): Handlers {
  const named = ({ request }: Call): string => (request.params as { name: string }).name;
  return {
    async registerMachine({ caller, now, request, reply }) {
      const body = request.body as MachineBody & { host: string; user: string };
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
      return reply.code(201).send(machineOnWire(machine));
    },
    listMachines: async () => (await pool.listMachines()).map(machineOnWire),
    getMachine: async (call) => machineOnWire(await pool.getMachine(named(call))),
    async updateMachine(call) {
      const body = call.request.body as MachineBody;
      const credential = credentialOf(body);
      const changes = {
        ...(body.host !== undefined && { host: body.host }),
        ...(body.port !== undefined && { port: body.port }),
        ...(body.user !== undefined && { user: body.user }),
        ...(credential && { credential }),
        ...(body.labels !== undefined && { labels: body.labels }),
        ...(body.disabled !== undefined && { disabled: body.disabled }),
        ...(body.accept_host_key !== undefined && { acceptHostKey: body.accept_host_key }),
      };
      return machineOnWire(await pool.updateMachine(call.caller, named(call), changes, call.now));
    },
    async deleteMachine(call) {
      await pool.deleteMachine(call.caller, named(call), call.now);
      return { message: 'deleted' };
    },
  };
}

function credentialOf(body: MachineBody): Credential | null {
  if (body.password !== undefined && body.private_key !== undefined) {
    throw new Refusal('invalid_request', 'private_key: give either a password or a private_key, not both');
  }
  if (body.password !== undefined) return { kind: 'password', password: body.password };
  if (body.private_key !== undefined) return { kind: 'private_key', privateKey: body.private_key };
  return null;
}
