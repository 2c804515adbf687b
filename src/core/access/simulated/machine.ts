import type { AccessFailure } from '#core/access/driver.ts';
import type { Order, Verb } from './order.ts';

/** What can go wrong on a simulated machine. All of it may be changed at any time. */
export interface Faults {
  /** Connections, new and kept, are reset at once. */
  refuse: boolean;
  /** New connections are accepted and never answered, and so are scripts over kept connections. */
  hang: boolean;
  /** Milliseconds that every script takes before it begins. It is carried out even if the caller has left meanwhile. */
  slowMs: number;
  /** New connections are offered a host key other than `hostKey`. */
  wrongHostKey: boolean;
  /** Root's password is refused. */
  wrongPassword: boolean;
  /** The connection is lost in the middle of a script: before it has done anything, or after it has done everything. */
  dropInScript: 'before' | 'after' | null;
  /** Nothing can be created; removals work. */
  diskFull: boolean;
  /** Scripts print for ever instead of answering. */
  endlessOutput: boolean;
}

/** One account of a simulated machine. */
export interface SimulatedAccount {
  readonly uid: number;
  /** The allocation that it was made for, or null when Berth did not make it. */
  readonly allocationId: string | null;
  readonly passwordHash: string | null;
  readonly keys: readonly string[];
}

const ACCOUNT_NAME = /^[a-z_][a-z0-9_-]{0,31}$/;
const PLAIN_WORD = /^[A-Za-z0-9_-]+$/;
const FIRST_UID = 20_000;

/** The memory of one simulated machine: its accounts, and what the scripts do to them. */
export class MachineMemory {
  readonly name: string;
  readonly accounts = new Map<string, SimulatedAccount>();
  readonly faults: Faults = {
    refuse: false,
    hang: false,
    slowMs: 0,
    wrongHostKey: false,
    wrongPassword: false,
    dropInScript: null,
    diskFull: false,
    endlessOutput: false,
  };
  /** Whether accounts of two different allocations were ever here at the same time. Never goes back to false. */
  everOverlapped = false;
  /** Open sessions of people by account name; each entry closes one. */
  readonly #sessions = new Map<string, Set<() => void>>();
  #fence = 0;
  /** What was answered, for the case that the answer was lost. */
  #lastRemoval: { readonly allocation: string; readonly answer: string[] } | null = null;
  #nextUid = FIRST_UID;
  #nextForeignUid = 1_000;
  /** Files for everybody to see, by the uid whose they are. */
  readonly #files = new Map<number, number>();

  constructor(name: string) {
    this.name = name;
  }

  /** Makes an account as if somebody had made it by hand. Nobody can log in to it. */
  addForeignAccount(name: string): void {
    if (this.accounts.has(name)) throw new Error(`${this.name} has an account ${name} already`);
    this.accounts.set(name, { uid: this.#nextForeignUid++, allocationId: null, passwordHash: null, keys: [] });
  }

  /** Makes an account as if an allocation had left it here. Nobody can log in to it. */
  leaveAccount(name: string, allocationId: string): void {
    this.accounts.set(name, { uid: this.#nextUid++, allocationId, passwordHash: null, keys: [] });
  }

  /** Makes files as if an account that is gone had left them. */
  leaveFiles(count: number): void {
    this.#files.set(this.#nextUid++, count);
  }

  /** Notes a session of an account until the returned function is called; `close` is called when the account goes. */
  openSession(accountName: string, close: () => void): () => void {
    const open = this.#sessions.get(accountName) ?? new Set();
    this.#sessions.set(accountName, open.add(close));
    return () => {
      open.delete(close);
      if (open.size === 0 && this.#sessions.get(accountName) === open) this.#sessions.delete(accountName);
    };
  }

  /** Carries an order out at once and returns the lines that the script would print. */
  carryOut(verb: Verb, order: Order): string[] {
    switch (verb) {
      case 'probe':
        return this.#probe();
      case 'create':
        return malformed(order) ?? this.#create(order);
      case 'remove':
        return malformed(order) ?? this.#remove(order);
      case 'verify':
        return this.#verify(order);
    }
  }

  #probe(): string[] {
    if (this.faults.diskFull) return failed('disk_full', 'only 0 MB are free');
    return answer({
      os: 'Simulated by Berth',
      disk_mb: 10_000,
      load: '0.00',
      fence: this.#fence,
      time: Math.floor(Date.now() / 1000),
    });
  }

  #create(order: Order): string[] {
    if (order.generation <= this.#fence) {
      return failed('fenced_off', `generation ${order.generation} has ended on this machine`);
    }
    const found = this.accounts.get(order.account);
    if (order.account === 'root' || (found && found.allocationId !== order.allocation)) {
      return failed('account_exists', `an account ${order.account} that was not made for this allocation is there`);
    }
    if ([...this.accounts.values()].some((one) => one.allocationId !== null && one.allocationId !== order.allocation)) {
      this.everOverlapped = true;
      return failed('in_use', 'an account of another reservation is there');
    }
    if (this.faults.diskFull) return failed('disk_full', 'the account files cannot be written');
    const uid = found?.uid ?? this.#nextUid++;
    this.accounts.set(order.account, {
      uid,
      allocationId: order.allocation,
      passwordHash: order.hash === '' ? null : order.hash,
      keys: order.keys,
    });
    return answer({ uid });
  }

  #remove(order: Order): string[] {
    this.#fence = Math.max(this.#fence, order.generation);
    const found = this.accounts.get(order.account);
    if (found?.allocationId !== order.allocation) {
      if (this.#lastRemoval?.allocation === order.allocation) return this.#lastRemoval.answer;
      return found ? removal({ outcome: 'foreign', checked: '' }) : removal({ outcome: 'absent', checked: 'account' });
    }
    this.accounts.delete(order.account);
    const sessions = [...(this.#sessions.get(order.account) ?? [])];
    this.#sessions.delete(order.account);
    for (const close of sessions) close();
    const answer = removal({
      outcome: 'removed',
      uid: found.uid,
      processes: sessions.length,
      sessions: sessions.length,
      checked: 'account sessions',
    });
    this.#lastRemoval = { allocation: order.allocation, answer };
    return answer;
  }

  #verify(order: Order): string[] {
    if (order.repair) this.#fence = Math.max(this.#fence, order.generation);
    const accounts = [...this.accounts].filter(([, { allocationId }]) => allocationId !== null);
    const found = [
      ...accounts.map(([name, { allocationId, uid }]) => `account ${allocationId} ${name} ${uid} entry`),
      ...[...this.#files].map(([uid, count]) => `file ${uid} ${count}`),
    ];
    if (order.repair && accounts.length === 0) this.#files.clear();
    return [...found.map((line) => `berth: found ${line}`), ...answer({ fence: this.#fence, login_keys: 0 })];
  }
}

/** The machine distrusts what it is sent, like the real scripts do. */
function malformed(order: Order): string[] | null {
  if (!PLAIN_WORD.test(order.allocation)) return failed('bad_answer', 'the allocation is not a plain word');
  if (!Number.isSafeInteger(order.generation)) return failed('bad_answer', 'the generation is not a number');
  if (!ACCOUNT_NAME.test(order.account)) return failed('bad_answer', 'the account name is malformed');
  return null;
}

function answer(values: Record<string, string | number>): string[] {
  return [...Object.entries(values).map(([name, value]) => `berth: ${name} ${value}`), 'berth: done'];
}

function removal(values: Record<string, string | number>): string[] {
  const none = { uid: 0, processes: 0, killed: 0, sessions: 0 };
  return answer({ ...none, home_files: 0, temporary_files: 0, mail_files: 0, job_files: 0, ...values });
}

function failed(code: AccessFailure, words: string): string[] {
  return [`berth: failed ${code} ${words}`];
}
