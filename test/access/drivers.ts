import { createAnsibleDriver } from '#core/access/ansible/ansible-driver.ts';
import type { AccessDriver, AccessFailure } from '#core/access/driver.ts';
import type { Verb } from '#core/access/ssh/scripts.ts';
import { createSshDriver } from '#core/access/ssh/ssh-driver.ts';
import { ansibleInstalled } from '../support/parts.ts';

interface Options {
  readonly connectLimitMs?: number;
  readonly scriptLimitMs?: number;
  readonly onCall?: (verb: Verb, seconds: number, failure: AccessFailure | null) => void;
}

/** A driver that the same tests run against. */
export interface DriverUnderTest {
  readonly name: string;
  readonly installed: boolean;
  readonly make: (options: Options) => AccessDriver;
  /** Limits short enough to be waited for. */
  readonly impatient: Options;
  readonly keepsConnections: boolean;
}

export const SSH_DRIVER: DriverUnderTest = {
  name: 'the SSH driver',
  installed: true,
  make: createSshDriver,
  impatient: { connectLimitMs: 2_000, scriptLimitMs: 2_000 },
  keepsConnections: true,
};

export const ANSIBLE_DRIVER: DriverUnderTest = {
  name: 'the Ansible driver',
  installed: ansibleInstalled(),
  make: createAnsibleDriver,
  // The script's limit holds for the start of Ansible's worker and the login too.
  impatient: { connectLimitMs: 2_000, scriptLimitMs: 8_000 },
  keepsConnections: false,
};
