import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Database } from '#core/store/dialect.ts';

/** A real process of Berth, started as its users start it. */
export interface BerthProcess {
  /** `http://127.0.0.1:port` of an API. */
  readonly address: string;
  readonly pid: number;
  readonly log: () => string;
  /** SIGKILL, as from the kernel. */
  kill(): Promise<void>;
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>;
}

export const ADMIN_PASSWORD = 'admin-password-for-tests';

export async function startProcess(
  entry: 'src/api/main.ts' | 'src/scheduler/main.ts' | 'src/standalone.ts',
  database: Database,
  more: Record<string, string> = {},
): Promise<BerthProcess> {
  const child = spawn(process.execPath, [entry], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'] ?? '',
      PORT: '0',
      DATABASE_URL: urlOf(database),
      JWT_SECRET: 'a secret that is only used in tests, 32+',
      BERTH_SECRET_KEY: Buffer.alloc(32, 3).toString('base64'),
      ADMIN_DEFAULT_PASSWORD: ADMIN_PASSWORD,
      ...more,
    },
  });
  let log = '';
  child.stderr.on('data', (chunk) => {
    log += chunk;
  });
  const address = await new Promise<string>((resolve, reject) => {
    child.once('close', () => reject(new Error(`${entry} ended at once: ${log}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      log += `${line}\n`;
      const { msg, address } = JSON.parse(line) as { msg?: string; address?: string };
      if (address !== undefined && msg !== 'request') resolve(address);
      else if (msg === 'scheduler is at work') resolve('');
    });
  });
  return {
    address,
    pid: child.pid as number,
    log: () => log,
    async kill() {
      await ended(child, 'SIGKILL');
    },
    stop: () => ended(child, 'SIGTERM'),
  };
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const gone = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  child.kill(signal);
  return await gone;
}

/** As DATABASE_URL has it. */
export function urlOf(database: Database): string {
  if (database.dialect === 'sqlite') return `sqlite:///${database.file}`;
  const { user, password, host, port, database: name } = database;
  return `mysql+pymysql://${user}:${password}@${host}:${port}/${name}?charset=utf8mb4`;
}

/** Calls an API as its admin. */
export const adminOf = (address: string) => callerOf(address, 'admin', ADMIN_PASSWORD);

/** Calls an API as one of its users. */
export async function callerOf(address: string, username: string, password: string) {
  const login = await fetch(`${address}/api/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
  });
  const { access_token: token } = (await login.json()) as { access_token: string };
  return async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${address}/api${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field
    return { status: answer.status, body: (await answer.json()) as any };
  };
}
