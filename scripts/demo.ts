// `npm run demo`: five machines to play with, registered with the running server. `npm run demo -- stop` takes them away.
import { spawnSync } from 'node:child_process';
import { startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';

const COUNT = 5;
const FIRST_PORT = 22_221;
const PASSWORD = 'test';
const IMAGE = 'berth-machine';
const base = process.env['API_BASE'] ?? `http://127.0.0.1:${process.env['PORT'] ?? 8080}`;
const prefix = process.env['API_PREFIX'] ?? '/api';
const username = process.env['ADMIN_DEFAULT_USERNAME'] ?? 'admin';
const password = process.env['ADMIN_DEFAULT_PASSWORD'] ?? 'change-me';
/** A secret of the person's own is not printed. */
const shownPassword = process.env['ADMIN_DEFAULT_PASSWORD'] === undefined ? password : '...';
const READY_LIMIT_MS = 30_000;

interface DemoMachine {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

try {
  const [word] = process.argv.slice(2);
  if (word === 'stop') await stop();
  else if (word === undefined) await start();
  else throw new Error(`"${word}" is no word that is known here; there is "npm run demo" and "npm run demo -- stop"`);
} catch (error) {
  console.error(`demo: ${(error as Error).message}`);
  process.exitCode = 1;
}

async function start(): Promise<void> {
  const token = await signIn();
  const real = startContainers();
  const machines = real ?? (await simulate());
  for (const machine of machines) console.log(`${machine.name.padEnd(8)} ${await register(token, machine)}`);
  await untilReady(
    token,
    machines.map(({ name }) => name),
  );
  console.log(
    real
      ? '\nFive containers with OpenSSH are registered.'
      : '\nFive simulated machines are registered; keep this running.',
  );
  console.log(`
What to try next:
  TOKEN=${'$'}(curl -s -X POST ${base}${prefix}/login -H 'Content-Type: application/json' \\
    -d '{"username":"${username}","password":"${shownPassword}"}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  curl -H "Authorization: Bearer $TOKEN" "${base}${prefix}/reserve?count=2&duration=60&reservation_password=test"
  ssh -p <port of the answer> <username of the answer>@127.0.0.1
  curl -H "Authorization: Bearer $TOKEN" ${base}${prefix}/release_all
All routes: ${base}${prefix}/docs        The end of it: npm run demo -- stop`);
}

/** Berth looks at a machine before it lends it; what is tried next should not come too early. */
async function untilReady(token: string, names: readonly string[]): Promise<void> {
  const giveUpAt = Date.now() + READY_LIMIT_MS;
  for (;;) {
    const { available, reserved } = (await call(token, 'GET', '/available')).body as Record<string, string[]>;
    const missing = names.filter((name) => !available?.includes(name) && !reserved?.includes(name));
    if (missing.length === 0) return;
    if (Date.now() > giveUpAt) {
      console.log(`Not ready yet: ${missing.join(', ')}. GET ${base}${prefix}/machines/${missing[0]} says why.`);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function stop(): Promise<void> {
  const token = await signIn();
  for (let i = 1; i <= COUNT; i++) {
    const answer = await call(token, 'DELETE', `/machines/demo-${i}`);
    if (answer.status === 409) throw new Error(`demo-${i} is reserved or not clean yet; release it and try again`);
    docker('rm', '-f', container(i));
  }
  console.log('The demo machines are gone.');
}

/** Null when Docker does not answer, or an image cannot be built. */
function startContainers(): DemoMachine[] | null {
  if (docker('info').status !== 0) {
    console.log('Docker does not answer, so the machines are simulated.');
    return null;
  }
  if (docker('image', 'inspect', IMAGE).status !== 0 && !buildImage()) {
    console.log('The image of the machines could not be built, so they are simulated.');
    return null;
  }
  const machines: DemoMachine[] = [];
  for (let i = 1; i <= COUNT; i++) {
    const port = FIRST_PORT + i - 1;
    if (docker('start', container(i)).status !== 0) {
      const options = [
        '--detach',
        '--name',
        container(i),
        '--env',
        `ROOT_PASSWORD=${PASSWORD}`,
        '--init',
        '--pids-limit',
        '500',
      ];
      const made = docker('run', ...options, '--publish', `127.0.0.1:${port}:22`, IMAGE);
      if (made.status !== 0) throw new Error(`container ${container(i)} does not start: ${made.stderr.trim()}`);
    }
    machines.push({ name: `demo-${i}`, host: '127.0.0.1', port, user: 'root', password: PASSWORD });
  }
  return machines;
}

function buildImage(): boolean {
  console.log('Building the image of the machines (only this once) ...');
  return ['Dockerfile', 'Dockerfile.debian'].some(
    (file) =>
      docker('build', '--network', 'host', '-t', IMAGE, '-f', `provision/machine/${file}`, 'provision/machine')
        .status === 0,
  );
}

async function simulate(): Promise<DemoMachine[]> {
  const { machines } = await startSimulatedMachines({ count: COUNT, firstPort: FIRST_PORT, password: PASSWORD });
  return machines.map(({ host, port, user }, i) => ({ name: `demo-${i + 1}`, host, port, user, password: PASSWORD }));
}

async function signIn(): Promise<string> {
  const answer = await call(null, 'POST', '/login', { username, password }).catch(() => null);
  if (!answer) throw new Error(`no server answers at ${base}; start one with "npm start" in another terminal`);
  if (answer.status !== 200) {
    throw new Error(
      'signing in failed; set ADMIN_DEFAULT_USERNAME and ADMIN_DEFAULT_PASSWORD to an admin of this server',
    );
  }
  return String(answer.body['access_token']);
}

/** What became of it, in words. */
async function register(token: string, machine: DemoMachine): Promise<string> {
  const made = await call(token, 'POST', '/machines', machine);
  if (made.status === 201) return `registered at ${machine.host}:${machine.port}`;
  if (made.status !== 409) throw new Error(String(made.body['message']));
  // Made anew, the container has another host key: what is registered under the name is replaced.
  const removed = await call(token, 'DELETE', `/machines/${machine.name}`);
  if (removed.status === 409) return 'is registered already';
  const again = await call(token, 'POST', '/machines', machine);
  if (again.status !== 201) throw new Error(String(again.body['message']));
  return `registered anew at ${machine.host}:${machine.port}`;
}

async function call(
  token: string | null,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`${base}${prefix}${path}`, {
    method,
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(token !== null && { authorization: `Bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

function container(i: number): string {
  return `berth-demo-${i}`;
}

function docker(...args: string[]): { status: number | null; stderr: string } {
  return spawnSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
}
