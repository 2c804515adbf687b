import { execFile, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { withFileLock } from './file-lock.ts';

// Real machines for tests: containers with a real SSH server, published on 127.0.0.1 only.

/** `debian`: OpenSSH and shadow's useradd. `busybox`: dropbear, BusyBox's shell and tools, no useradd; it stands for Alpine. */
export type MachineKind = 'debian' | 'busybox';

export interface LabMachine {
  readonly name: string;
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly user: 'root';
  readonly password: string;
  /** Runs a shell command as root inside, past SSH, and answers with what it printed. Throws when it fails. */
  exec(command: string): Promise<string>;
  pause(): Promise<void>;
  unpause(): Promise<void>;
  /** Ends it at once, as a power cut does. */
  kill(): Promise<void>;
  /** Starts it anew (same disk, port and host key) and waits for its SSH server. */
  restart(): Promise<void>;
  remove(): Promise<void>;
}

export interface LabMachineOptions {
  readonly name?: string;
  /** May mount inside, e.g. a tiny disk that can be filled. */
  readonly mayMount?: boolean;
  /** An image built on the one of the kind, with more in it. */
  readonly image?: string;
}

const RECIPES = fileURLToPath(new URL('../../provision/machine/', import.meta.url));
const DEBIAN_BASE = 'debian:bookworm-slim';
const IMAGES: Record<MachineKind, string> = { debian: 'berth-lab-debian', busybox: 'berth-lab-busybox' };
/** The shipped machine image, with what the tests play on it besides. */
const LAB_DOCKERFILE = `FROM ${IMAGES.debian}-bare
RUN command -v sudo && command -v crontab && command -v ps \\
    || { apt-get update && apt-get install -y --no-install-recommends sudo cron procps; }
`;
const LABEL = 'berth-test';

const run = promisify(execFile);

async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run('docker', args, { maxBuffer: 16 * 1024 * 1024 });
  return stdout.trim();
}

/** Is a Docker daemon there that we may use? */
export function dockerAvailable(): boolean {
  return spawnSync('docker', ['info'], { stdio: 'ignore', timeout: 10_000 }).status === 0;
}

/**
 * Builds the machine images that are missing or out of date; the second time this takes no time. Several test
 * files may call it at once. Needs mmdebstrap where the Debian base image cannot be pulled, and for the BusyBox image
 * Debian's busybox-static and dropbear-bin.
 */
export async function ensureLabImages(): Promise<void> {
  await withFileLock(join(tmpdir(), 'berth-lab.lock'), async () => {
    await removeOrphans();
    const dockerfile = readFileSync(join(RECIPES, 'Dockerfile.debian'), 'utf8');
    const entrypoint = readFileSync(join(RECIPES, 'entrypoint.sh'), 'utf8');
    await ensureImage(IMAGES.debian, dockerfile + entrypoint + LAB_DOCKERFILE, async (image, label) => {
      await ensureDebianBase();
      const file = join(RECIPES, 'Dockerfile.debian');
      await docker('build', '-q', '--network', 'host', '-t', `${image}-bare`, '-f', file, RECIPES);
      await inScratch(async (folder) => {
        await writeFile(join(folder, 'Dockerfile'), LAB_DOCKERFILE);
        await docker('build', '-q', '--network', 'host', '--label', label, '-t', image, folder);
      });
    });
    await ensureImage(IMAGES.busybox, BUSYBOX_RECIPE, async (image, label) => {
      await inScratch(async (folder) => {
        const tar = join(folder, 'busybox.tar');
        await run('sh', ['-c', BUSYBOX_RECIPE, 'recipe', join(folder, 'root'), tar]);
        await docker('import', '--change', `LABEL ${label}`, '--change', 'ENTRYPOINT ["/entrypoint"]', tar, image);
      });
    });
  });
}

/** Starts a machine and waits until its SSH server answers. The caller removes it. */
export async function startMachine(kind: MachineKind, options: LabMachineOptions = {}): Promise<LabMachine> {
  const name = options.name ?? `berth-lab-${kind}-${randomBytes(4).toString('hex')}`;
  const password = randomBytes(9).toString('base64url');
  const port = await freePort();
  const rights = options.mayMount ? ['--cap-add', 'SYS_ADMIN', '--security-opt', 'apparmor=unconfined'] : [];
  const label = `${LABEL}=${process.pid}`;
  await run(
    'docker',
    // The password goes by the environment: arguments are for all to see.
    ['run', '-d', '--name', name, '--label', label, '--pids-limit', '500', '--memory', '256m', ...rights].concat([
      '-p',
      `127.0.0.1:${port}:22`,
      '-e',
      'ROOT_PASSWORD',
      options.image ?? IMAGES[kind],
    ]),
    { env: { ...process.env, ROOT_PASSWORD: password } },
  );
  const machine: LabMachine = {
    name,
    host: '127.0.0.1',
    port,
    user: 'root',
    password,
    exec: (command) => docker('exec', name, 'sh', '-c', command),
    pause: async () => void (await docker('pause', name)),
    unpause: async () => void (await docker('unpause', name)),
    kill: async () => void (await docker('kill', name)),
    restart: async () => {
      await docker('restart', '-t', '0', name);
      await sshAnswers(port);
    },
    remove: async () => void (await docker('rm', '-f', '-v', name)),
  };
  try {
    await sshAnswers(port);
  } catch (error) {
    const { stderr } = await run('docker', ['logs', name]);
    await machine.remove();
    throw new Error(`${name} does not answer: ${stderr}`, { cause: error });
  }
  return machine;
}

/** Copies a file of this machine into a folder of the lab machine. */
export async function copyInto(machine: LabMachine, file: string, folder: string): Promise<void> {
  await docker('exec', machine.name, 'mkdir', '-p', folder);
  await docker('cp', file, `${machine.name}:${folder}`);
}

/** Containers of test runs that were killed before they could remove them. */
async function removeOrphans(): Promise<void> {
  const list = await docker('ps', '-a', '--filter', `label=${LABEL}`, '--format', `{{.ID}} {{.Label "${LABEL}"}}`);
  for (const line of list.split('\n').filter(Boolean)) {
    const [id, pid] = line.split(' ');
    if (id && pid && !existsSync(`/proc/${pid}`)) await docker('rm', '-f', '-v', id);
  }
}

/** Makes the image unless it was made from the same recipe before. */
async function ensureImage(
  image: string,
  recipe: string,
  make: (image: string, label: string) => Promise<void>,
): Promise<void> {
  const hash = createHash('sha256').update(recipe).digest('hex').slice(0, 16);
  const has = await docker('image', 'inspect', '-f', '{{index .Config.Labels "berth-recipe"}}', image).catch(() => '');
  if (has !== hash) await make(image, `berth-recipe=${hash}`);
}

/** Makes the base image from Debian's packages where none is: an image registry is not needed. */
async function ensureDebianBase(): Promise<void> {
  const there = await docker('image', 'inspect', '-f', '{{.Id}}', DEBIAN_BASE).catch(() => null);
  if (there !== null || spawnSync('mmdebstrap', ['--version'], { stdio: 'ignore' }).status !== 0) return;
  await inScratch(async (folder) => {
    const tar = join(folder, 'debian.tar');
    await run('mmdebstrap', ['--variant=minbase', '--include=openssh-server,procps,cron,sudo', 'bookworm', tar]);
    await docker('import', tar, DEBIAN_BASE);
  });
}

async function inScratch(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-lab-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits up to 20 s for the greeting of an SSH server. */
async function sshAnswers(port: number): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await greets(port))) {
    if (Date.now() > end) throw new Error(`no SSH server answers on port ${port}`);
    await pause(50);
  }
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(2_000, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('close', () => finish(false));
    socket.once('data', (data) => finish(data.toString('latin1').startsWith('SSH-')));
  });
}

/**
 * $1: folder to fill, $2: tar to write. Debian's BusyBox lacks flock and ipcrm, which Alpine's has: they are taken from
 * util-linux, with the libraries that they and dropbear load.
 */
const BUSYBOX_RECIPE = String.raw`
set -eu
mkdir -p "$1" && cd "$1"
mkdir -p bin sbin usr/bin usr/sbin etc/dropbear root home tmp var/tmp var/spool/cron/crontabs var/lib run dev proc
chmod 700 root && chmod 1777 tmp var/tmp
cp "$(command -v busybox)" bin/busybox
for applet in $(busybox --list); do [ -e "bin/$applet" ] || ln -s busybox "bin/$applet"; done
for tool in flock ipcrm dropbear dropbearkey; do
  file=$(PATH=$PATH:/usr/sbin:/sbin command -v $tool)
  rm -f "bin/$tool" && cp "$file" "bin/$tool"
  for library in $(ldd "$file" | grep -o '/[^ ]*'); do
    mkdir -p ".$(dirname "$library")" && cp -L "$library" ".$library"
  done
done
printf 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/false\n' >etc/passwd
printf 'root:x:0:\ndaemon:x:1:\nusers:x:100:\n' >etc/group
printf 'root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n' >etc/shadow
chmod 640 etc/shadow
printf '/bin/sh\n' >etc/shells
printf 'PRETTY_NAME="BusyBox machine"\n' >etc/os-release
cat >entrypoint <<'END'
#!/bin/sh
hash=$(printf %s "$ROOT_PASSWORD" | mkpasswd -m sha512 -P 0)
sed -i "s|^root:[^:]*|root:$hash|" /etc/shadow
unset ROOT_PASSWORD
key=/etc/dropbear/dropbear_ed25519_host_key
[ -f "$key" ] || dropbearkey -t ed25519 -f "$key" >/dev/null 2>&1
exec dropbear -F -E -r "$key" -p 22
END
chmod 755 entrypoint
chown -R 0:0 .
tar -cf "$2" .
`;
