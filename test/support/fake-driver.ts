import {
  type AccessDriver,
  AccessError,
  type AccessFailure,
  type AccountOrder,
  type Leftover,
  type MachineAccess,
  type RemovalOrder,
  type RemovalReport,
  type VerifyOrder,
} from '#core/access/driver.ts';

type Verb = 'probe' | 'create' | 'remove' | 'verify';

/** A driver whose machines are in memory, for tests of rules. It keeps the promises of driver.ts and notices broken ones. */
export interface FakeDriver extends AccessDriver {
  /** Accounts by machine name. */
  readonly accounts: Map<string, Map<string, { allocationId: string; uid: number }>>;
  /** What goes wrong on which machine: a failure of every call, or of one verb. */
  readonly faults: Map<string, { verb?: Verb; code: AccessFailure }>;
  /** What accounts that are gone have left, by machine name. */
  readonly leftovers: Map<string, Leftover[]>;
  /** Calls so far, in order. */
  readonly calls: { verb: Verb; machine: string; account?: string }[];
  /** Called in the middle of each call, after its effect when `after` is true. */
  hook: ((verb: Verb, machine: string, when: 'before' | 'after') => Promise<void> | void) | null;
  /** Two accounts of Berth on one machine at once: a machine that was lent twice or lent dirty. */
  readonly doubled: string[];
}

const FAKE_HOST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJXHJTkIy3XvcnAqrX9d4Y3UkbuGCJ7yrc3GJ0vJc1Nq';

export function createFakeDriver(): FakeDriver {
  const fences = new Map<string, number>();
  const lastRemovals = new Map<string, { allocationId: string; report: RemovalReport }>();
  let lastUid = 20_000;

  const check = async (verb: Verb, machine: MachineAccess): Promise<void> => {
    await driver.hook?.(verb, machine.name, 'before');
    const fault = driver.faults.get(machine.name);
    if (!fault || (fault.verb !== undefined && fault.verb !== verb)) return;
    throw new AccessError(
      fault.code,
      `${machine.name} is told to fail: ${fault.code}`,
      'Take the fault away.',
      fault.code === 'host_key_changed' ? `${FAKE_HOST_KEY.slice(0, -1)}X` : null,
    );
  };
  const places = new Map<string, Map<string, { allocationId: string; uid: number }>>();
  /** A machine is what answers at an address, whatever it is called and however often it was registered. */
  const placeOf = ({ host, port }: MachineAccess): string => `${host}:${port}`;
  const accountsOf = (machine: MachineAccess) => {
    const found = places.get(placeOf(machine)) ?? new Map<string, { allocationId: string; uid: number }>();
    places.set(placeOf(machine), found);
    driver.accounts.set(machine.name, found);
    return found;
  };

  const driver: FakeDriver = {
    timeLimitMs: 5_000,
    accounts: new Map(),
    faults: new Map(),
    leftovers: new Map(),
    calls: [],
    hook: null,
    doubled: [],
    async probe(machine) {
      driver.calls.push({ verb: 'probe', machine: machine.name });
      await check('probe', machine);
      return {
        hostKey: FAKE_HOST_KEY,
        operatingSystem: 'Fake',
        clockSkewSeconds: 0,
        freeDiskMegabytes: 1000,
        load: 0,
        fence: fences.get(placeOf(machine)) ?? 0,
      };
    },
    async createAccount(machine: MachineAccess, order: AccountOrder) {
      driver.calls.push({ verb: 'create', machine: machine.name, account: order.accountName });
      await check('create', machine);
      const fence = fences.get(placeOf(machine)) ?? 0;
      if (order.generation <= fence) throw new AccessError('fenced_off', 'too late', 'Nothing to do.');
      const accounts = accountsOf(machine);
      const found = accounts.get(order.accountName);
      if (found && found.allocationId !== order.allocationId) {
        throw new AccessError('account_exists', `account ${order.accountName} exists`, 'Use another name.');
      }
      const uid = found?.uid ?? ++lastUid;
      accounts.set(order.accountName, { allocationId: order.allocationId, uid });
      if ([...accounts.values()].some((one) => one.allocationId !== order.allocationId && one.allocationId !== '')) {
        driver.doubled.push(machine.name);
      }
      await driver.hook?.('create', machine.name, 'after');
      return { uid, hostKey: FAKE_HOST_KEY };
    },
    async removeAccount(machine: MachineAccess, order: RemovalOrder) {
      driver.calls.push({ verb: 'remove', machine: machine.name, account: order.accountName });
      await check('remove', machine);
      fences.set(placeOf(machine), Math.max(fences.get(placeOf(machine)) ?? 0, order.generation));
      const accounts = accountsOf(machine);
      const found = accounts.get(order.accountName);
      const ours = found?.allocationId === order.allocationId;
      const last = lastRemovals.get(placeOf(machine));
      const report: RemovalReport = {
        outcome: ours ? 'removed' : found ? 'foreign' : 'absent',
        uid: found?.uid ?? null,
        processesEnded: 0,
        processesKilled: 0,
        sessionsEnded: 0,
        filesRemoved: 0,
        filesIn: { home: 0, temporary: 0, mail: 0, jobs: 0 },
        checked: ['account'],
      };
      if (ours) {
        accounts.delete(order.accountName);
        lastRemovals.set(placeOf(machine), { allocationId: order.allocationId, report });
      }
      await driver.hook?.('remove', machine.name, 'after');
      return !ours && last?.allocationId === order.allocationId ? last.report : report;
    },
    async verify(machine: MachineAccess, order: VerifyOrder) {
      driver.calls.push({ verb: 'verify', machine: machine.name });
      await check('verify', machine);
      const accounts = [...accountsOf(machine)].map(([accountName, { allocationId, uid }]) => ({
        allocationId,
        accountName,
        uid,
        entry: true,
      }));
      const leftovers = driver.leftovers.get(machine.name) ?? [];
      if (order.repair) {
        fences.set(placeOf(machine), Math.max(fences.get(placeOf(machine)) ?? 0, order.endedGeneration));
        if (accounts.length === 0) driver.leftovers.delete(machine.name);
      }
      await driver.hook?.('verify', machine.name, 'after');
      const fence = fences.get(placeOf(machine)) ?? 0;
      return { fence, loginKeys: 0, accounts, keysDiffer: false, leftovers, more: 0 };
    },
    forget() {},
    async close() {},
  };
  return driver;
}
