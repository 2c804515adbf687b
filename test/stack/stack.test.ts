import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dockerAvailable } from '../support/docker-lab.ts';
import { startReservationLoad } from '../support/reservation-load.ts';
import { copyStack, missingForStack, mustBeFree, type Outcome, type Stack, until } from '../support/stack.ts';
import { ensureStackImages } from '../support/stack-images.ts';

// The whole stack, started as its users start it, and every command of the specification as it is printed there.

const MACHINES = 3;
/** Not the shipped 22220: somebody's own demo machines may be there. */
const BASE_PORT = 24_220;
const MINUTE = 60_000;
/** Who held a machine from when to when; as in the answer of /timeline. */
interface Span {
  readonly machine: string;
  readonly reservation_id: string;
  readonly from: string;
  readonly to: string;
}
/** Far more than it takes: the machine may be busy with other things, and a build with its downloads is long then. */
const LONG = { timeout: 15 * MINUTE };

describe.skipIf(!dockerAvailable() || missingForStack().length > 0)('the stack', () => {
  let stack: Stack;
  let token = '';

  beforeAll(async () => {
    await ensureStackImages();
    stack = await copyStack(`-e base=debian -e count=${MACHINES} -e base_port=${BASE_PORT}`);
    for (const port of [443, ...Array.from({ length: MACHINES }, (_, i) => BASE_PORT + 1 + i)]) await mustBeFree(port);
  }, LONG.timeout);
  afterAll(() => stack?.remove(), LONG.timeout);

  /** The JSON answer of a printed command, with its status. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field
  async function printed(command: string): Promise<{ status: number; body: any }> {
    const line = command.replace(/^(\s*)curl /m, "$1curl -sS -w '\\n%{http_code}' ");
    const { code, output } = await stack.bash(line, { TOKEN: token });
    expect(code, output).toBe(0);
    const at = output.trimEnd().lastIndexOf('\n');
    return { status: Number(output.slice(at)), body: JSON.parse(output.slice(0, at)) };
  }
  const get = (path: string) => printed(`curl -k -H "Authorization: Bearer $TOKEN" "https://localhost/api${path}"`);
  const post = (path: string, body: object) =>
    printed(`curl -k -X POST https://localhost/api${path} -H "Authorization: Bearer $TOKEN" \
      -H "Content-Type: application/json" -d '${JSON.stringify(body)}'`);
  const signIn = async () => {
    const answer = await printed(`curl -k -X POST https://localhost/api/login \
  -H "Content-Type: application/json" \
  -d '{"username":"admin","password":"change-me"}'`);
    token = answer.body.access_token;
    return answer;
  };
  const allAvailable = () =>
    until('all machines are available', 90, async () => (await get('/available')).body.available?.length === MACHINES);
  const ssh = (port: number, password: string): Promise<Outcome> =>
    stack.bash(
      `sshpass -e ssh -p ${port} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
        -o PubkeyAuthentication=no admin@127.0.0.1 whoami`,
      { SSHPASS: password },
    );
  const idsOf = async (service: string) => (await stack.compose('ps', '-q', service)).split('\n').filter(Boolean);
  const healthy = (service: string, count: number) =>
    until(`${count} ${service} are healthy`, 120, async () => {
      const ids = await idsOf(service);
      if (ids.length !== count) return false;
      const states = await stack.docker('inspect', '-f', '{{.State.Health.Status}}', ...ids);
      return states.split('\n').every((state) => state === 'healthy');
    });

  it('comes up from nothing', LONG, async () => {
    await stack.just('up');
    await stack.just('provision');
    expect((await printed('curl -k https://localhost/api/healthz')).body).toEqual({ status: 'ok' });
    expect((await get('/readyz')).status).toBe(200);
  });

  it('writes the inventory in the form of the specification', () => {
    const text = readFileSync(join(stack.folder, 'provision/machines.yml'), 'utf8');
    const [first, second] = [1, 2].map(
      (i) => `  - name: alpine-${i}
    host: localhost           # host.docker.internal is also fine
    port: ${BASE_PORT + i}
    user: root
    password: test
`,
    );
    expect(text).toContain(`machines:\n${first}${second}`);
  });

  it('answers every printed command', LONG, async () => {
    expect(await signIn()).toEqual({
      status: 200,
      body: { access_token: expect.stringMatching(/^ey/), token_type: 'Bearer', expires_in: 3600 },
    });
    expect(await printed('curl -k -H "Authorization: Bearer $TOKEN" https://localhost/api/whoami')).toEqual({
      status: 200,
      body: { user: 'admin', roles: ['admin'] },
    });

    const alice = await printed(`curl -k -X POST https://localhost/api/users \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"username":"alice","password":"s3cret","is_admin":false}'`);
    expect(alice).toMatchObject({ status: 201, body: { username: 'alice', is_admin: false } });
    const users = await printed('curl -k -H "Authorization: Bearer $TOKEN" https://localhost/api/users');
    expect(users.body.map(({ username }: { username: string }) => username).sort()).toEqual(['admin', 'alice']);
    const gone = await printed(`curl -k -X DELETE https://localhost/api/users/alice \
  -H "Authorization: Bearer $TOKEN"`);
    expect(gone).toEqual({ status: 200, body: { message: 'deleted' } });

    const register = `curl -k -X POST https://localhost/api/machines \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"name":"alpine-1","host":"host.docker.internal","port":22221,"user":"root","password":"test"}'`;
    const machine = { name: 'alpine-1', host: 'host.docker.internal', port: 22_221, user: 'root', reserved: false };
    const registered = await printed(register);
    expect(registered).toMatchObject({ status: 201, body: machine });
    expect(registered.body).not.toHaveProperty('password');
    const listed = await printed('curl -k -H "Authorization: Bearer $TOKEN" https://localhost/api/machines');
    expect(listed).toMatchObject({ status: 200, body: [machine] });
    const deleted = await printed(`curl -k -X DELETE https://localhost/api/machines/alpine-1 \
  -H "Authorization: Bearer $TOKEN"`);
    expect(deleted).toEqual({ status: 200, body: { message: 'deleted' } });
  });

  it('lends containers that are reached by SSH, and takes them back', LONG, async () => {
    await stack.just('register');
    await allAvailable();
    const reserved = await printed(`curl -k -H "Authorization: Bearer $TOKEN" \
  "https://localhost/api/reserve?count=2&duration=60&reservation_password=test"`);
    expect(reserved).toMatchObject({ status: 200, body: { username: 'admin', duration_minutes: 60 } });
    const ports: number[] = reserved.body.machines.map(({ port }: { port: number }) => port);
    expect(ports).toHaveLength(2);
    for (const port of ports) expect(await ssh(port, 'test')).toEqual({ code: 0, output: 'admin\n' });
    expect((await ssh(ports[0] as number, 'another')).code).not.toBe(0);

    const pool = await printed('curl -k -H "Authorization: Bearer $TOKEN" https://localhost/api/available');
    expect([pool.body.available.length, pool.body.reserved.length]).toEqual([MACHINES - 2, 2]);
    const active = await printed('curl -k -H "Authorization: Bearer $TOKEN" https://localhost/api/reservations');
    expect(active.body.reservations.map(({ port }: { port: number }) => port).sort()).toEqual(ports.sort());

    const released = await printed('curl -k -H "Authorization: Bearer $TOKEN" https://localhost/api/release_all');
    expect(released).toMatchObject({ status: 200, body: { message: expect.any(String) } });
    await allAvailable();
    for (const port of ports) expect((await ssh(port, 'test')).code).not.toBe(0);
  });

  it('registers the same machines again without harm', LONG, async () => {
    await stack.just('register');
    await allAvailable();
  });

  it('finishes what it was asked for before it stops, and keeps everything', LONG, async () => {
    const asked = get(`/reserve?count=${MACHINES}&duration=60&reservation_password=kept`);
    await until('the reservation is begun', 20, async () => (await get('/available')).body.available.length === 0);
    const stopped = stack.compose('stop', 'api');
    expect((await asked).status).toBe(200);
    await stopped;
    await stack.just('stop');
    await stack.just('up');
    const { reservations } = (await get('/reservations')).body;
    expect(reservations).toHaveLength(MACHINES);
    for (const { port, state } of reservations) {
      expect(state).toBe('active');
      expect(await ssh(port, 'kept')).toEqual({ code: 0, output: 'admin\n' });
    }
    await get('/release_all');
    await allAvailable();
  });

  it('runs with several of each, and loses no request when one of them ends', LONG, async () => {
    await stack.compose('up', '-d', '--scale', 'api=2', '--scale', 'scheduler=2');
    await healthy('api', 2);
    await healthy('scheduler', 2);
    const [first = '', second = ''] = await idsOf('api');
    const served = async (id: string) =>
      (await stack.docker('logs', id)).split('\n').filter((line) => line.includes('"path":"/api/whoami"'));
    await until('both are asked', 30, async () => {
      for (let i = 0; i < 10; i++) expect((await get('/whoami')).status).toBe(200);
      return (await served(first)).length > 0 && (await served(second)).length > 0;
    });
    // The address in the log is that of who asked, not the proxy's.
    for (const line of await served(second)) expect(JSON.parse(line).address).not.toMatch(/^172\.31\.218\./);

    let ended = false;
    const ending = stack.docker('stop', first).then(() => {
      ended = true;
    });
    for (let more = 10; more > 0; more -= ended ? 1 : 0) expect((await get('/whoami')).status).toBe(200);
    await ending;
    const reserved = await post('/reservations', { count: 1, duration_minutes: 5 });
    expect(reserved.status, JSON.stringify(reserved.body)).toBe(201);
    await get('/release_all');
    await allAvailable();
    await stack.compose('up', '-d', '--scale', 'api=1', '--scale', 'scheduler=1');
    await healthy('api', 1);
  });

  it('loses and doubles nothing under load while each part is killed, and the proxy reloaded', LONG, async () => {
    await stack.compose('up', '-d', '--scale', 'api=2', '--scale', 'scheduler=2');
    await healthy('api', 2);
    await healthy('scheduler', 2);
    const begin = new Date(Date.now() - 1_000).toISOString();
    const load = startReservationLoad(token, 6);
    try {
      const more = async (n = 3) => {
        const from = load.acknowledged.size;
        await until('reservations go on', 300, async () => load.acknowledged.size >= from + n);
      };
      await more();
      for (const service of ['api', 'scheduler']) {
        for (const id of await idsOf(service)) {
          await stack.docker('kill', '--signal', 'KILL', id);
          await more();
          await stack.docker('start', id);
          await healthy(service, 2);
        }
      }
      const [proxy = ''] = await idsOf('reverse-proxy');
      const reload = ['caddy', 'reload', '--config', '/etc/caddy/Caddyfile', '--adapter', 'caddyfile', '--force'];
      for (let times = 3; times > 0; times--) {
        await stack.docker('exec', proxy, ...reload);
        await more(1);
      }
      expect(await stack.docker('logs', proxy)).toContain('load complete');
      for (const service of ['db', 'reverse-proxy']) {
        await stack.docker('restart', ...(await idsOf(service)));
        await more();
      }
    } finally {
      await load.stop();
    }
    const { sent, failed, acknowledged, wrong } = load;
    console.log(`${acknowledged.size} reservations, ${failed} of ${sent} requests failed and were asked again`);
    expect(wrong).toEqual([]);
    await healthy('api', 2);
    await get('/release_all');
    await allAvailable();

    // Nobody had a machine before it was clean again, and nothing of anybody is left on one.
    const to = new Date(Date.now() + 60_000).toISOString();
    const { spans } = (await get(`/timeline?from=${begin}&to=${to}`)).body as { spans: Span[] };
    const held = new Set(spans.map((span) => span.reservation_id));
    for (const id of acknowledged) expect(held.has(id), id).toBe(true);
    const inTurn = spans.toSorted((a, b) => a.machine.localeCompare(b.machine) || a.from.localeCompare(b.from));
    for (const [i, span] of inTurn.entries()) {
      const next = inTurn[i + 1];
      if (next?.machine === span.machine) expect(next.from >= span.to, JSON.stringify([span, next])).toBe(true);
    }
    const demo = (await stack.docker('ps', '-q', '--filter', `label=berth.demo=${stack.project}`)).split('\n');
    expect(demo).toHaveLength(MACHINES);
    for (const id of demo) {
      const left = "awk -F: '$3 >= 20000 && $3 < 65534' /etc/passwd; ls -A /home; ls -A /tmp";
      expect(await stack.docker('exec', id, 'sh', '-c', left)).toBe('');
    }
    await stack.compose('up', '-d', '--scale', 'api=1', '--scale', 'scheduler=1');
    await healthy('api', 1);
  });

  it('gives its processes nothing that they do not need', LONG, async () => {
    for (const service of ['reverse-proxy', 'api', 'scheduler', 'db']) {
      const [id = ''] = await idsOf(service);
      const [container] = JSON.parse(await stack.docker('inspect', id));
      expect(container.HostConfig, service).toMatchObject({
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        CapAdd: service === 'reverse-proxy' ? ['NET_BIND_SERVICE'] : null,
        SecurityOpt: ['no-new-privileges:true'],
        Init: true,
        Privileged: false,
        PortBindings: service === 'reverse-proxy' ? { '443/tcp': [{ HostIp: '127.0.0.1', HostPort: '443' }] } : {},
      });
      expect(await stack.docker('exec', id, 'sh', '-c', 'id -u'), service).not.toBe('0');
      const networks = Object.keys(container.NetworkSettings.Networks).sort();
      const lab = `${stack.project}_lab`;
      expect(networks).toEqual(service === 'reverse-proxy' ? [`${stack.project}_edge`, lab] : [lab]);
    }
  });

  it('trusts the certificate authorities that it is given', LONG, async () => {
    const made = await stack.bash(
      `openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj '/CN=Company Authority' -keyout /dev/null -out src/authorities/company.pem 2>&1`,
    );
    expect(made.code, made.output).toBe(0);
    const given = { NODE_EXTRA_CA_CERTS: '/authorities/company.pem' };
    const asked =
      'docker-compose -f src/docker-compose.yml run --rm --no-deps -T api node -p "tls.getCACertificates(\'extra\').length"';
    expect((await stack.bash(asked, given)).output).toMatch(/^1$/m);
    expect((await stack.bash(asked)).output).toMatch(/^0$/m);
  });

  it('has no password in any log', LONG, async () => {
    await get('/reserve?count=0&reservation_password=hidden-in-a-query');
    const logs = await stack.compose('logs', '--no-color');
    expect(logs).toContain('"path":"/api/reserve"');
    for (const secret of ['hidden-in-a-query', 'reservation_password', 'change-me', 's3cret', token]) {
      expect(logs.includes(secret), secret).toBe(false);
    }
  });

  it('leads people to a page', async () => {
    const { output } = await stack.bash('curl -skL -o /dev/null -w "%{http_code} %{content_type}" https://localhost/');
    expect(output).toMatch(/^200 text\/html/);
  });

  it('does not start in production with what is shipped', LONG, async () => {
    const settings = ['BERTH_ENV=production'];
    const refusal = async () => {
      const env = settings.flatMap((setting) => ['-e', setting]);
      const { code, output } = await stack.bash(`docker run --rm --network none ${env.join(' ')} ${stack.project}_api`);
      expect(code).toBe(1);
      return output;
    };
    settings.push('DATABASE_URL=mysql://berth:berth-development@db/berth');
    expect(await refusal()).toMatch(/^berth: JWT_SECRET: /);
    settings.push(`JWT_SECRET=${'s'.repeat(32)}`);
    expect(await refusal()).toMatch(/^berth: ADMIN_DEFAULT_PASSWORD: /);
    settings.push('ADMIN_DEFAULT_PASSWORD=another-one');
    expect(await refusal()).toMatch(/^berth: DATABASE_URL: /);
    settings[1] = 'DATABASE_URL=mysql://berth:another@db/berth';
    expect(await refusal()).toMatch(/^berth: BERTH_SECRET_KEY: /);
  });

  it('starts anew with the sources that change, for development', LONG, async () => {
    await stack.just('run-dev');
    const [id = ''] = await idsOf('api');
    const starts = async () => (await stack.docker('logs', id)).split('"API is listening"').length;
    const before = await starts();
    appendFileSync(join(stack.folder, 'src/api/serve.ts'), '\n// changed\n');
    await until('the API starts anew', 120, async () => (await starts()) > before);
    await healthy('api', 1);
    expect((await get('/whoami')).status).toBe(200);
  });

  it('leaves nothing behind when it is cleaned away, comes up again, and takes back a backup', LONG, async () => {
    const backup = join(stack.folder, 'berth.backup');
    expect((await post('/users', { username: 'bob', password: 'is in the backup' })).status).toBe(201);
    await stack.just('backup', backup);
    expect(statSync(backup).mode & 0o777).toBe(0o600);

    const mine = async () => {
      const project = `label=com.docker.compose.project=${stack.project}`;
      const demo = `label=berth.demo=${stack.project}`;
      return [
        await stack.docker('ps', '-aq', '--filter', project),
        await stack.docker('ps', '-aq', '--filter', demo),
        await stack.docker('volume', 'ls', '-q', '--filter', project),
        await stack.docker('network', 'ls', '-q', '--filter', project),
        await stack.docker('images', '-q', '--filter', `label=berth.stack=${stack.project}`),
        await stack.docker('images', '-q', '--filter', demo),
      ];
    };
    expect((await mine()).every((list) => list !== '')).toBe(true);
    await stack.just('clean');
    expect(await mine()).toEqual(['', '', '', '', '', '']);

    await stack.just('run');
    await signIn();
    await allAvailable();
    expect((await get('/users/bob')).status).toBe(404);
    await stack.just('restore', backup, '--replace', '--yes');
    await healthy('api', 1);
    await signIn();
    expect((await get('/users/bob')).status).toBe(200);
  });
});
