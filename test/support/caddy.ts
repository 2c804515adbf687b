import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** The shipped Caddyfile in a real Caddy on loopback. */
export interface ReverseProxy {
  readonly port: number;
  /** The folder that it serves as the web page; empty at first. */
  readonly page: string;
  /** Everything that it has logged. */
  log(): string;
  stop(): Promise<void>;
}

export interface ProxyAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

const CADDYFILE = new URL('../../src/reverse-proxy/Caddyfile', import.meta.url);

export function caddyInstalled(): boolean {
  return spawnSync('caddy', ['version'], { stdio: 'ignore' }).status === 0;
}

/** Starts it for an API on `apiPort`; only addresses, ports and folders differ from what is shipped. */
export async function startProxy(apiPort: number): Promise<ReverseProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-test-'));
  const [port, healthPort] = [await freePort(), await freePort()];
  const page = join(folder, 'page');
  mkdirSync(page);
  let text = readFileSync(CADDYFILE, 'utf8');
  for (const [shipped, here] of [
    ['\tadmin unix//tmp/admin.sock\n', `\tadmin off\n\tdefault_bind 127.0.0.1\n\thttps_port ${port}\n`],
    ['http://127.0.0.1:8079 {', `http://127.0.0.1:${healthPort} {`],
    ['name api\n', 'name 127.0.0.1\n'],
    ['port 8080\n', `port ${apiPort}\n`],
    ['root * /srv\n', `root * ${page}\n`],
  ] as const) {
    if (text.split(shipped).length !== 2) throw new Error(`the Caddyfile has not one "${shipped.trim()}"`);
    text = text.replace(shipped, here);
  }
  writeFileSync(join(folder, 'Caddyfile'), text);
  const child = spawn('caddy', ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      log += chunk;
    });
  }
  const proxy: ReverseProxy = {
    port,
    page,
    log: () => log,
    async stop() {
      await ended(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  for (const end = Date.now() + 20_000; ; await pause(50)) {
    if (await ask(proxy, 'GET', '/favicon.ico').catch(() => null)) return proxy;
    if (child.exitCode === null && Date.now() < end) continue;
    await proxy.stop();
    throw new Error(`Caddy does not answer: ${log}`);
  }
}

/** One request through the proxy, on a connection of its own, as it comes: nothing is unpacked or followed. */
export function ask(
  proxy: ReverseProxy,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string | Buffer,
): Promise<ProxyAnswer> {
  return new Promise((resolve, reject) => {
    const options = { host: 'localhost', port: proxy.port, method, path, headers, agent: false };
    const sent = request({ ...options, rejectUnauthorized: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts).toString() });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}
