import type { MachineAccess } from '#core/access/driver.ts';
import type { Variables } from './inventory.ts';
import type { MachineOutput } from './outcome.ts';

/** What one machine is to do in a run. */
export interface Job {
  readonly machine: MachineAccess;
  /** The only key that will do, as `algorithm base64`. */
  readonly hostKey: string;
  /** The IP address to connect to: the machine's name is not looked up again. */
  readonly address: string;
  readonly command: string;
  /** Goes to the standard input of the command. */
  readonly input: string;
  /** What the tasks of the playbook may know besides. */
  readonly variables: Variables;
  /** Called once, as soon as the machine is done. */
  readonly settle: (outcome: MachineOutput | Error) => void;
}

export interface RunLimits {
  /** For one login, in milliseconds. */
  readonly connectLimitMs: number;
  /** For Berth's own script, in milliseconds. */
  readonly scriptLimitMs: number;
  /** For the whole run, in milliseconds. */
  readonly runLimitMs: number;
}
