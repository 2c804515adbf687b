import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ADMIN_PASSWORD } from '../test/support/processes.ts';

export const SECONDS = 5;
export const CONNECTIONS = 32;

/** `wrk` makes the load; it reports requests per second and latencies itself. Meanwhile the server's log is read. */
export async function load(url: string, token: string): Promise<[string, string]> {
  const { stdout } = await promisify(execFile)('wrk', [
    '-t1',
    `-c${CONNECTIONS}`,
    `-d${SECONDS}s`,
    '--latency',
    '-H',
    `Authorization: Bearer ${token}`,
    url,
  ]);
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? '?';
  const latency = /99%\s+(\S+)/.exec(stdout)?.[1] ?? '?';
  return [Math.round(Number(rate)).toString(), latency];
}

export async function tokenOf(address: string): Promise<string> {
  const answer = await fetch(`${address}/api/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'admin', password: ADMIN_PASSWORD }),
  });
  return ((await answer.json()) as { access_token: string }).access_token;
}
