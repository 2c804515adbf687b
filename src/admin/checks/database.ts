import type { Config } from '#core/runtime/config.ts';
import { type DatabaseFacts, inspectDatabase } from '#core/store/inspect.ts';
import { type Finding, failed, ok, type Problem, summary, warning } from './finding.ts';

const LEAST_MARIADB = [10, 6];
/** Leases last seconds: clocks that are further apart make processes take over what others are still doing. */
const CLOCK_LIMIT_MS = 2_000;

/** The facts, or why there are none. */
export async function lookAtDatabase(config: Config): Promise<DatabaseFacts | Finding> {
  try {
    return await inspectDatabase(config.database);
  } catch (error) {
    const { database } = config;
    if (database.dialect === 'sqlite') {
      return failed(
        (error as Error).message,
        'Start Berth once, which makes it, or restore a backup; see that BERTH_DATA_DIR or DATABASE_URL names the right place.',
      );
    }
    const where = `${database.database} at ${database.host}:${database.port} as ${database.user}`;
    const cause = ((error as Error).cause ?? error) as Error;
    return failed(`MariaDB does not let us in: ${cause.message} (${where})`, mendFor(cause));
  }
}

export function isFinding(result: DatabaseFacts | Finding): result is Finding {
  return 'status' in result;
}

/** Version and settings of the database. */
export function checkDatabase(config: Config, facts: DatabaseFacts): Finding {
  const { version, oddities } = facts;
  if (config.database.dialect === 'sqlite') return ok(`SQLite ${version}, ${config.database.file}`);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const old =
    major < (LEAST_MARIADB[0] as number) || (major === LEAST_MARIADB[0] && minor < (LEAST_MARIADB[1] as number));
  if (!/mariadb/i.test(version) || old) {
    return failed(`${version} is no MariaDB ${LEAST_MARIADB.join('.')} or later`, 'Use MariaDB 10.6 or later.');
  }
  return summary(
    'warning',
    oddities,
    `MariaDB ${version}`,
    `MariaDB ${version} works, and is not set as Berth needs it`,
  );
}

export function checkMigrations({ pendingMigrations: pending, unknownMigrations: unknown }: DatabaseFacts): Finding {
  const problems: Problem[] = [];
  if (pending.length > 0) {
    problems.push({
      what: `not up to date: ${pending.join(', ')}`,
      mend: 'Start this version of Berth, which does it.',
    });
  }
  if (unknown.length > 0) {
    problems.push({
      what: `a later version of Berth has changed the tables: ${unknown.join(', ')}`,
      mend: 'Run that version, or restore a backup that this one made.',
    });
  }
  return summary('failed', problems, 'the tables are up to date');
}

export function checkClock(config: Config, { clockAheadMs }: DatabaseFacts): Finding {
  if (config.database.dialect === 'sqlite') return ok('the database is a file here: there is only one clock');
  const seconds = (Math.abs(clockAheadMs) / 1000).toFixed(1);
  const words = `the clock of the database is ${seconds} s ${clockAheadMs < 0 ? 'behind' : 'ahead of'} the one here`;
  if (Math.abs(clockAheadMs) <= CLOCK_LIMIT_MS) return ok(words);
  return warning(words, 'Set both clocks, for example by an NTP client on both machines.');
}

function mendFor(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ER_ACCESS_DENIED_ERROR' || code === 'ER_DBACCESS_DENIED_ERROR') {
    return 'See that user and password in DATABASE_URL are right and that the user may use this database (GRANT ALL).';
  }
  if (code === 'ER_BAD_DB_ERROR') return 'Make it: CREATE DATABASE ... CHARACTER SET utf8mb4 COLLATE utf8mb4_bin.';
  return 'See that MariaDB runs, that host and port in DATABASE_URL are right, and that no firewall is between.';
}
