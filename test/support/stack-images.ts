import { execFile, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { withFileLock } from './file-lock.ts';

// The base images of the stack, made from Debian's packages where no image registry can be reached. They bear the names that
// the shipped files use, and are made only when the real ones can neither be found nor pulled.

const run = promisify(execFile);
const DEBIAN = 'debian:bookworm-slim';
/** Where Debian and Node look for authorities; a machine behind a proxy of its own may have added one. */
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';

/** Files of the image, and its Dockerfile, written into an empty folder. */
type Recipe = (folder: string) => void;

const RECIPES: Readonly<Record<string, Recipe>> = {
  'node:24-bookworm-slim': nodeRecipe,
  'caddy:2': caddyRecipe,
  'mariadb:11.4': mariadbRecipe,
};

/** Sees to it that every base image of the stack is there. Answers the names of those that were made here now or before. */
export async function ensureStackImages(): Promise<string[]> {
  return await withFileLock(join(tmpdir(), 'berth-lab.lock'), async () => {
    const made: string[] = [];
    if (!(await isThere(DEBIAN)) && (await cannotPull(DEBIAN))) await makeDebian();
    for (const [image, recipe] of Object.entries(RECIPES)) {
      if ((await isThere(image)) || !(await cannotPull(image))) {
        if (await isOurs(image)) made.push(image);
        continue;
      }
      const folder = mkdtempSync(join(tmpdir(), 'berth-lab-'));
      try {
        writeFileSync(join(folder, 'authorities.crt'), existsSync(AUTHORITIES) ? readFileSync(AUTHORITIES) : '');
        recipe(folder);
        await run('docker', ['build', '-q', '--label', 'berth-lab=stack', '-t', image, folder]);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
      made.push(image);
    }
    return made;
  });
}

/** Node from this very process, npm from this machine: what the official image has of both. */
function nodeRecipe(folder: string): void {
  copyFileSync(process.execPath, join(folder, 'node'));
  const { stdout } = spawnSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' });
  cpSync(dirname(dirname(realpathSync(stdout.trim()))), join(folder, 'npm'), { recursive: true });
  // npm asks the registry that this machine asks.
  const registry = spawnSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).stdout.trim();
  writeFileSync(join(folder, 'npmrc'), `registry=${registry}\n`);
  writeFileSync(
    join(folder, 'Dockerfile'),
    `FROM ${DEBIAN}
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --shell /bin/bash --create-home node
COPY authorities.crt /usr/local/share/authorities.crt
COPY npm /usr/local/lib/node_modules/npm
COPY npmrc /usr/local/etc/npmrc
COPY node /usr/local/bin/node
RUN chmod 755 /usr/local/bin/node && ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
ENV NODE_EXTRA_CA_CERTS=/usr/local/share/authorities.crt
CMD ["node"]
`,
  );
}

/** Caddy and BusyBox (the official image has its wget) of this machine. */
function caddyRecipe(folder: string): void {
  for (const program of ['caddy', 'busybox']) {
    const { stdout } = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' });
    copyFileSync(realpathSync(stdout.trim()), join(folder, program));
  }
  writeFileSync(
    join(folder, 'Dockerfile'),
    `FROM ${DEBIAN}
COPY authorities.crt ${AUTHORITIES}
COPY caddy busybox /usr/bin/
RUN ln -s busybox /usr/bin/wget
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
`,
  );
}

/** Debian's MariaDB with as much of the official image's start as the stack relies on. */
function mariadbRecipe(folder: string): void {
  writeFileSync(join(folder, 'docker-entrypoint.sh'), MARIADB_ENTRYPOINT);
  writeFileSync(join(folder, 'healthcheck.sh'), MARIADB_HEALTHCHECK);
  writeFileSync(
    join(folder, 'Dockerfile'),
    `FROM ${DEBIAN}
RUN apt-get update \\
    && apt-get install -y --no-install-recommends mariadb-server \\
    && rm -rf /var/lib/apt/lists/* /var/lib/mysql && install -d -o mysql -g mysql /var/lib/mysql \\
    && install -d -o mysql -m 1777 /run/mysqld
COPY docker-entrypoint.sh healthcheck.sh /usr/local/bin/
RUN chmod 755 /usr/local/bin/*.sh
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["mariadbd"]
`,
  );
}

const MARIADB_ENTRYPOINT = String.raw`#!/bin/bash
set -euo pipefail
if [ ! -d /var/lib/mysql/mysql ]; then
  mariadb-install-db --no-defaults --datadir=/var/lib/mysql --auth-root-authentication-method=normal \
    --skip-test-db >/dev/null
  mariadbd --no-defaults --datadir=/var/lib/mysql --skip-networking --socket=/run/mysqld/first.sock &
  until mariadb --no-defaults --socket=/run/mysqld/first.sock -u root -e 'SELECT 1' >/dev/null 2>&1; do sleep 0.1; done
  secret=$(head -c 24 /dev/urandom | base64 -w 0)
  check=$(head -c 24 /dev/urandom | base64 -w 0)
  mariadb --no-defaults --socket=/run/mysqld/first.sock -u root <<SQL
CREATE DATABASE $MARIADB_DATABASE CHARACTER SET utf8mb4;
CREATE USER '$MARIADB_USER'@'%' IDENTIFIED BY '$MARIADB_PASSWORD';
GRANT ALL ON $MARIADB_DATABASE.* TO '$MARIADB_USER'@'%';
CREATE USER 'healthcheck'@'localhost' IDENTIFIED BY '$check';
ALTER USER 'root'@'localhost' IDENTIFIED BY '$secret';
SQL
  (umask 077; printf '[client]\nuser=healthcheck\npassword=%s\n' "$check" >/var/lib/mysql/.my-healthcheck.cnf)
  kill %1
  wait %1
fi
exec "$@" --no-defaults --datadir=/var/lib/mysql --bind-address=0.0.0.0 --socket=/run/mysqld/mysqld.sock \
  --character-set-server=utf8mb4
`;

const MARIADB_HEALTHCHECK = `#!/bin/sh
# The official one takes what is to be checked as options; this one always checks that a client gets an answer.
exec mariadb --defaults-file=/var/lib/mysql/.my-healthcheck.cnf --protocol=tcp -h 127.0.0.1 -e 'SELECT 1'
`;

/** The same packages that the machines of the lab are made from, so that one base serves both. */
async function makeDebian(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-lab-'));
  try {
    const tar = join(folder, 'debian.tar');
    await run('mmdebstrap', ['--variant=minbase', '--include=openssh-server,procps,cron,sudo', 'bookworm', tar]);
    await run('docker', ['import', tar, DEBIAN]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function isThere(image: string): Promise<boolean> {
  return await run('docker', ['image', 'inspect', image]).then(
    () => true,
    () => false,
  );
}

async function isOurs(image: string): Promise<boolean> {
  const format = '{{index .Config.Labels "berth-lab"}}';
  return (await run('docker', ['image', 'inspect', '-f', format, image])).stdout.trim() === 'stack';
}

async function cannotPull(image: string): Promise<boolean> {
  return await run('docker', ['pull', '-q', image], { timeout: 300_000 }).then(
    () => false,
    () => true,
  );
}
