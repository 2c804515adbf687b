import type { MachineAccess } from '#core/access/driver.ts';
import { hostKeyChanged } from '../ssh/failures.ts';
import { Gate } from '../ssh/gate.ts';
import { scanHostKey } from '../ssh/scan-host-key.ts';

/** Looks under way to one host at a time: sshd drops more than about ten. */
const LOOKS_PER_HOST = 8;

/** Looks at machines before Ansible is started for them: one that is away or shows another key costs no run. */
export class HostKeys {
  readonly #limitMs: number;
  readonly #signal: AbortSignal;
  readonly #gates = new Map<string, Gate>();
  /** Calls to the same machine share a look. */
  readonly #looks = new Map<string, Promise<string>>();

  constructor(limitMs: number, signal: AbortSignal) {
    this.#limitMs = limitMs;
    this.#signal = signal;
  }

  /**
   * The key that the machine shows, which is the pinned one if there is one.
   * @throws AccessError `unreachable`, `timed_out` or `host_key_changed`.
   */
  async verified(machine: MachineAccess): Promise<string> {
    // Which key a machine shows depends on the kind that is asked for first.
    const place = `${machine.host} ${machine.port} ${machine.hostKey?.split(' ')[0]}`;
    const look = this.#looks.get(place) ?? this.#look(machine).finally(() => this.#looks.delete(place));
    this.#looks.set(place, look);
    const offered = await look;
    if (machine.hostKey !== null && machine.hostKey !== offered) throw hostKeyChanged(machine, offered);
    return offered;
  }

  async #look(machine: MachineAccess): Promise<string> {
    const gate = this.#gates.get(machine.host) ?? new Gate(LOOKS_PER_HOST);
    this.#gates.set(machine.host, gate);
    const leave = await gate.enter(this.#signal);
    try {
      return await scanHostKey(machine, this.#limitMs, this.#signal);
    } finally {
      leave();
      if (gate.empty) this.#gates.delete(machine.host);
    }
  }
}
