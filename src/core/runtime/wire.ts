import { randomUUID } from 'node:crypto';
import { makeAccountPassword } from '#core/access/account-password.ts';
import { createAnsibleDriver } from '#core/access/ansible/ansible-driver.ts';
import { whyNoAnsible } from '#core/access/ansible/installed.ts';
import type { AccessDriver, ShellAccess } from '#core/access/driver.ts';
import { createHashThread } from '#core/access/hash-thread.ts';
import { hostRefusal, machineNetworks } from '#core/access/networks.ts';
import { createSshDriver } from '#core/access/ssh/ssh-driver.ts';
import type { Accounts } from '#core/accounts/accounts.ts';
import { createAccounts } from '#core/accounts/create-accounts.ts';
import { Refusal } from '#core/domain/refusal.ts';
import { createBackground } from '#core/pool/background.ts';
import { createPool, createUpkeep, type Upkeep } from '#core/pool/create-pool.ts';
import { createTerminals } from '#core/pool/create-terminals.ts';
import type { Pool } from '#core/pool/pool.ts';
import type { Terminals } from '#core/pool/terminals.ts';
import type { WorkLog, Workplace } from '#core/pool/workplace.ts';
import { openStore, type Store } from '#core/store/store.ts';
import { type Config, mustBeSafe, SettingError } from './config.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { resolveSecrets } from './secrets.ts';

/** Everything a process of Berth is made of, built from the settings, top to bottom. */
export interface Berth {
  readonly pool: Pool;
  readonly upkeep: Upkeep;
  readonly accounts: Accounts;
  readonly terminals: Terminals;
  readonly metrics: Metrics;
  readonly clock: () => Date;
  /** What is not ready; empty when all is well. */
  readiness(): Promise<string[]>;
  /** Finishes what runs, for at most `limitMs`; hands the rest over to other processes; closes all connections. */
  close(limitMs?: number): Promise<void>;
}

/** What tests put in the place of the real thing. */
export interface Overrides {
  readonly clock?: () => Date;
  readonly driver?: AccessDriver & ShellAccess;
}

/** Cleanings, probes and resumed preparations that run at once in one process: each holds a connection to a machine. */
const WORK_AT_ONCE = 64;
/** A scheduler that has been silent for this long is not at work. */
export const HEARTBEAT_LIMIT_MS = 15_000;
const CLOSE_LIMIT_MS = 25_000;

export async function wire(config: Config, log: WorkLog, overrides: Overrides = {}): Promise<Berth> {
  if (!overrides.driver) refuseWithoutAnsible(config);
  const clock = overrides.clock ?? (() => new Date());
  const secrets = resolveSecrets(config);
  const store = await openStore({
    database: config.database,
    secretKey: secrets.secretKey,
    oldSecretKeys: secrets.oldSecretKeys,
    connectRetries: config.dbConnectMaxRetries,
    connectRetrySeconds: config.dbConnectRetrySeconds,
    onWaiting: (attempt, problem) => log.warn({ attempt, problem }, 'waiting for the database'),
  });
  const keys = { secret: secrets.jwtSecret, expiresMinutes: config.jwtExpiresMinutes };
  const accounts = createAccounts(
    store,
    keys,
    config.passwordRules,
    config.oidc && {
      settings: config.oidc,
      onProblem: (facts) => log.warn(facts, 'a sign-in with the identity provider came to nothing'),
    },
  );
  await seedAdmin(config, accounts, clock()).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  if (mustBeSafe(config) && (await accounts.opensWithShippedPassword(config.adminDefaultUsername))) {
    await store.close();
    throw new SettingError(
      `HOST: the shipped password still opens ${config.adminDefaultUsername}; change it ("npm run admin -- reset-password ${config.adminDefaultUsername}") before the server listens on ${config.host}`,
    );
  }

  const metrics = createMetrics();
  const networks = machineNetworks(config.machineNetworks);
  const driver = overrides.driver ?? accessDriver(config, metrics.sshCall);
  const hashing = createHashThread();
  const background = createBackground(WORK_AT_ONCE);
  const place: Workplace = {
    store,
    driver,
    clock,
    workerId: randomUUID(),
    background,
    passwords: { make: makeAccountPassword, hash: hashing.hash },
    log,
    auditRetentionDays: config.auditRetentionDays,
    verifyEveryHours: config.verifyEveryHours,
    closeTerminals: (allocationId) => terminals.endOf(allocationId),
    hostRefusal: (host) => hostRefusal(networks, host),
  };
  const terminals = createTerminals(place, {
    enabled: config.webTerminal,
    shells: driver,
    stillSignedIn: (proof) => accounts.stillSignedIn(proof),
  });
  const pool = createPool(place);
  metrics.watchPool(() => pool.stock(clock()));

  return {
    pool,
    upkeep: createUpkeep(place),
    accounts,
    terminals,
    metrics,
    clock,
    readiness: () => readiness(store, clock()),
    async close(limitMs = CLOSE_LIMIT_MS) {
      await terminals.close();
      await accounts.refusedSignIns.flush();
      await background.drain(limitMs);
      await handOver(place).catch((error: unknown) => log.error({ err: error }, 'leases were left to run out'));
      await Promise.all([driver.close(), hashing.close()]);
      await store.close();
    },
  };
}

async function seedAdmin(config: Config, accounts: Accounts, now: Date): Promise<void> {
  try {
    await accounts.seedAdmin(config.adminDefaultUsername, config.adminDefaultPassword, now);
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'invalid_request') throw error;
    throw new SettingError(`ADMIN_DEFAULT_${error.message.replace(/^password/, 'PASSWORD')}`);
  }
}

/** A driver that cannot work is said at the start, in one line, and not on the first reservation. */
function refuseWithoutAnsible(config: Config): void {
  const problem = config.accessDriver === 'ansible' ? whyNoAnsible(config.accessPlaybooksDir) : null;
  if (problem !== null) throw new SettingError(problem);
}

/** The driver that the settings ask for; `onCall` hears of each call. */
export function accessDriver(config: Config, onCall: Metrics['sshCall'] = () => undefined): AccessDriver & ShellAccess {
  const networks = machineNetworks(config.machineNetworks);
  const ssh = createSshDriver({ networks, onCall });
  if (config.accessDriver === 'ssh') return ssh;
  const ansible = createAnsibleDriver({
    ...(config.accessPlaybooksDir !== null && { playbooksDir: config.accessPlaybooksDir }),
    runLimitMs: config.accessPlaybookLimitSeconds * 1_000,
    networks,
    onCall,
  });
  // Ansible makes and removes accounts; a shell in the browser needs a connection that stays.
  return {
    ...ansible,
    openShell: ssh.openShell,
    forget(machineId) {
      ansible.forget(machineId);
      ssh.forget(machineId);
    },
    async close() {
      await Promise.all([ansible.close(), ssh.close()]);
    },
  };
}

async function readiness(store: Store, now: Date): Promise<string[]> {
  try {
    const lastBeat = await store.tables.heartbeats.lastAt('scheduler');
    const silent = !lastBeat || now.getTime() - lastBeat.getTime() > HEARTBEAT_LIMIT_MS;
    return silent
      ? [`scheduler: ${lastBeat ? `last seen ${lastBeat.toISOString()}` : 'never seen'}; is one running?`]
      : [];
  } catch {
    return ['database: it cannot be reached'];
  }
}

/** What this process could not finish is taken up by another one at once, instead of when its leases run out. */
async function handOver(place: Workplace): Promise<void> {
  await place.store.tables.reservations.dropLeases(place.workerId);
  await place.store.tables.allocations.dropLeases(place.workerId);
}
