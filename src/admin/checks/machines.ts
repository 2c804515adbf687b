import { type AccessDriver, AccessError, reachable } from '#core/access/driver.ts';
import type { Config } from '#core/runtime/config.ts';
import { accessDriver } from '#core/runtime/wire.ts';
import type { Store } from '#core/store/store.ts';
import { type Finding, failed, ok, type Problem, summary } from './finding.ts';

const AT_ONCE = 8;
const SKEW_LIMIT_SECONDS = 30;
const LEAST_FREE_MB = 50;

/** What is wrong with a machine: it cannot be used, or it can and is not as it should be. */
interface Trouble extends Problem {
  readonly usable: boolean;
}

/** Reaches the machines just as the servers do: all that are not disabled, or the one that is named. Changes nothing. */
export async function checkMachines(config: Config, store: Store, name: string | undefined): Promise<Finding> {
  const all = await store.tables.machines.listWithHolder();
  if (name !== undefined && !all.some((machine) => machine.name === name)) {
    return failed(`there is no machine named "${name}"`, 'See GET /api/machines for the names.');
  }
  const chosen = all.filter((machine) => (name === undefined ? machine.state !== 'disabled' : machine.name === name));
  const driver = accessDriver(config);
  const troubles: Trouble[] = [];
  const waiting = chosen.map((machine) => machine.name);
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      troubles.push(...(await troublesOf(store, driver, next)));
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } finally {
    await driver.close();
  }
  if (all.length === 0) return ok('no machine is registered yet');
  const bad = troubles.filter((trouble) => !trouble.usable).length;
  const disabled =
    name === undefined && all.length > chosen.length ? `, ${all.length - chosen.length} disabled left out` : '';
  const words = `${chosen.length - bad} of ${chosen.length} machine(s) can be used${disabled}`;
  const problems = troubles.map(({ what, mend }) => ({ what, mend })).sort((a, b) => (a.what < b.what ? -1 : 1));
  return summary(bad > 0 ? 'failed' : 'warning', problems, words, words);
}

async function troublesOf(store: Store, driver: AccessDriver, name: string): Promise<Trouble[]> {
  try {
    const machine = await store.tables.machines.byName(name);
    // Deleted since the list was read.
    if (!machine) return [];
    const { clockSkewSeconds: skew, freeDiskMegabytes: free } = await driver.probe(reachable(machine));
    const found: Trouble[] = [];
    if (Math.abs(skew) > SKEW_LIMIT_SECONDS) {
      const mend = 'Set its clock, for example by an NTP client on it.';
      found.push({
        usable: true,
        what: `${name}: its clock is ${Math.abs(skew)} s ${skew > 0 ? 'ahead' : 'behind'}`,
        mend,
      });
    }
    if (free < LEAST_FREE_MB) {
      found.push({ usable: true, what: `${name}: only ${free} MB are free on its disk`, mend: 'Make room on it.' });
    }
    return found;
  } catch (error) {
    const mend = error instanceof AccessError ? error.mend : 'See the check of the credentials above.';
    const { message } = error as Error;
    return [{ usable: false, what: message.startsWith(name) ? message : `${name}: ${message}`, mend }];
  }
}
