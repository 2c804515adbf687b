import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';

/** A private MariaDB server on loopback, in a folder of its own. */
export interface MariadbServer {
  /** `mysql://` address without a database; the user may do everything. */
  readonly url: string;
  createDatabase(name: string): Promise<void>;
  start(): Promise<void>;
  /** SIGKILL, as when the machine loses power. */
  kill(): Promise<void>;
  /** Ends the server and removes all of it. */
  remove(): Promise<void>;
}

const PROGRAM = ['/usr/sbin/mariadbd', '/usr/bin/mariadbd', '/usr/local/bin/mariadbd'].find((path) => existsSync(path));
const START_LIMIT_MS = 60_000;
/** File with the process id of the running server. */
const WATCHED = 'server-process';

export function mariadbInstalled(): boolean {
  return PROGRAM !== undefined;
}

export interface MariadbOptions {
  /** Further options of the server, asked for at each start. */
  readonly more?: () => readonly string[];
  /** The Linux account that the server runs as; this process's own by default. */
  readonly account?: string;
}

/** Starts a server of its own. */
export async function startMariadb(given: MariadbOptions = {}): Promise<MariadbServer> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-mariadb-'));
  const watchdog = watch(folder);
  const data = join(folder, 'data');
  const socketPath = join(folder, 'socket');
  const account = given.account ?? userInfo().username;
  if (given.account !== undefined) execFileSync('chown', [account, folder]);
  execFileSync(
    'mariadb-install-db',
    [
      '--no-defaults',
      `--user=${account}`,
      `--datadir=${data}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
    ],
    { stdio: 'ignore' },
  );
  const port = await freePort();
  let server: ChildProcess | null = null;

  const start = async (): Promise<void> => {
    const options = [
      '--no-defaults',
      `--user=${account}`,
      `--datadir=${data}`,
      `--socket=${socketPath}`,
      `--pid-file=${join(folder, 'pid')}`,
      // Another server that starts removes what it finds of temporary tables in the shared one.
      `--tmpdir=${folder}`,
      '--bind-address=127.0.0.1',
      `--port=${port}`,
      '--innodb-buffer-pool-size=128M',
      '--max-connections=400',
      ...(given.more?.() ?? []),
    ];
    server = spawn(PROGRAM as string, options, { stdio: 'ignore', detached: true });
    writeFileSync(join(folder, WATCHED), String(server.pid));
    await answering({ socketPath, user: 'root' });
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = server;
    server = null;
    if (!ending || ending.exitCode !== null) return;
    const gone = new Promise((resolve) => ending.once('exit', resolve));
    ending.kill(signal);
    await gone;
    rmSync(join(folder, WATCHED));
  };

  await start();
  const setup = await createConnection({ socketPath, user: 'root' });
  await setup.query("CREATE USER IF NOT EXISTS berth@'127.0.0.1' IDENTIFIED BY 'berth'");
  await setup.query("GRANT ALL ON *.* TO berth@'127.0.0.1' WITH GRANT OPTION");
  await setup.end();
  return {
    url: `mysql://berth:berth@127.0.0.1:${port}/`,
    async createDatabase(name) {
      const connection = await createConnection({ socketPath, user: 'root' });
      await connection.query(`CREATE DATABASE ${name}`);
      await connection.end();
    },
    start,
    kill: () => end('SIGKILL'),
    async remove() {
      await end('SIGTERM');
      const gone = new Promise((resolve) => watchdog.once('exit', resolve));
      watchdog.ref();
      watchdog.stdin?.end();
      await gone;
    },
  };
}

/**
 * Removes the folder, and ends the server whose process id is in it, as soon as this process closes the pipe or is gone
 * for whatever reason: a test run that is killed leaves nothing behind.
 */
function watch(folder: string): ChildProcess {
  const script = 'cat >/dev/null; [ -f "$1/$2" ] && kill -KILL "$(cat "$1/$2")"; rm -rf "$1"';
  const stdio = ['pipe', 'ignore', 'ignore'] as const;
  const watchdog = spawn('sh', ['-c', script, 'sh', folder, WATCHED], { stdio: [...stdio], detached: true });
  watchdog.unref();
  return watchdog;
}

/** Waits for a query, not only for a connection: a node that joins a cluster takes connections before it is in step. */
async function answering(options: { socketPath: string; user: string }): Promise<void> {
  const giveUpAt = Date.now() + START_LIMIT_MS;
  for (;;) {
    try {
      const connection = await createConnection(options);
      try {
        await connection.query('SELECT 1 FROM mysql.user LIMIT 1');
      } finally {
        connection.destroy();
      }
      return;
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
      await sleep(100);
    }
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
