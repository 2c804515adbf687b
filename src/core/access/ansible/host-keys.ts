import type { MachineAccess } from '#core/access/driver.ts';
import type { MachineNetworks } from '../networks.ts';
import { hostKeyChanged } from '../ssh/failures.ts';
import { type Seen, scanHostKey } from '../ssh/scan-host-key.ts';
import { Gates } from './gates.ts';

/** Looks under way to one host at a time: sshd drops more than about ten. */
const LOOKS_PER_HOST = 8;

/** Looks at machines before Ansible is started for them: one that is away or shows another key costs no run. */
export class HostKeys {
  readonly #networks: MachineNetworks;
  readonly #limitMs: number;
  readonly #hosts = new Gates(LOOKS_PER_HOST);

  /** `limitMs`: for one look, in milliseconds. */
  constructor(networks: MachineNetworks, limitMs: number) {
    this.#networks = networks;
    this.#limitMs = limitMs;
  }

  /**
   * The key that the machine shows, which is the pinned one if there is one, and the address that showed it.
   * @throws AccessError `unreachable`, `not_allowed`, `timed_out` or `host_key_changed`, or the signal's reason.
   */
  async verified(machine: MachineAccess, signal: AbortSignal): Promise<Seen> {
    const seen = await this.#hosts.pass(machine.host, signal, () =>
      scanHostKey(machine, this.#networks, this.#limitMs, signal),
    );
    if (machine.hostKey !== null && machine.hostKey !== seen.hostKey) throw hostKeyChanged(machine, seen.hostKey);
    return seen;
  }
}
