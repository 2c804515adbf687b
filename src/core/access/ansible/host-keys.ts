import type { MachineAccess } from '#core/access/driver.ts';
import { hostKeyChanged } from '../ssh/failures.ts';
import { scanHostKey } from '../ssh/scan-host-key.ts';
import { Gates } from './gates.ts';

/** Looks under way to one host at a time: sshd drops more than about ten. */
const LOOKS_PER_HOST = 8;

/** Looks at machines before Ansible is started for them: one that is away or shows another key costs no run. */
export class HostKeys {
  readonly #limitMs: number;
  readonly #hosts = new Gates(LOOKS_PER_HOST);

  /** `limitMs`: for one look, in milliseconds. */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /**
   * The key that the machine shows, which is the pinned one if there is one.
   * @throws AccessError `unreachable`, `timed_out` or `host_key_changed`, or the signal's reason.
   */
  async verified(machine: MachineAccess, signal: AbortSignal): Promise<string> {
    const offered = await this.#hosts.pass(machine.host, signal, () => scanHostKey(machine, this.#limitMs, signal));
    if (machine.hostKey !== null && machine.hostKey !== offered) throw hostKeyChanged(machine, offered);
    return offered;
  }
}
