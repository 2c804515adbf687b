import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newPerson, type Person } from './berth.ts';

describe('berth and a server with a certificate of its own', { timeout: 60_000 }, () => {
  let person: Person;
  let server: Server;
  let address: string;
  let ca: string;
  let heard = 0;

  beforeAll(async () => {
    person = newPerson();
    ca = join(person.home, 'cert.pem');
    const key = join(person.home, 'key.pem');
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const subject = ['-subj', '/CN=berth-test', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
    execFileSync('openssl', [...request, '-keyout', key, '-out', ca, ...subject], { stdio: 'ignore' });
    server = createServer({ key: readFileSync(key), cert: readFileSync(ca) }, (_request, response) => {
      heard += 1;
      response.end(JSON.stringify({ user: 'alice', roles: [] }));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server?.close();
    person.leave();
  });

  const login = (...options: string[]) =>
    person.berth(['login', '--server', address, '--token-stdin', ...options], 'a-token');

  it('does not trust it unasked, and sends it nothing', async () => {
    const refused = await login();
    expect(refused.code).toBe(5);
    expect(refused.stderr).toContain('--ca FILE');
    expect(heard).toBe(0);
  });

  it('trusts the certificate that it is given, from then on', async () => {
    expect(await login('--ca', ca)).toMatchObject({ code: 0, stderr: '' });
    expect(await person.berth(['whoami'])).toMatchObject({ code: 0, stdout: `alice on ${address}\n` });
    await person.berth(['logout']);
    expect(await login('--ca', join(person.home, 'key.pem'))).toMatchObject({ code: 2 });
  });

  it('takes any certificate when told to, with a warning', async () => {
    const done = await login('--insecure');
    expect(done.code).toBe(0);
    expect(done.stderr).toContain('Prefer --ca FILE');
    expect(await person.berth(['whoami'])).toMatchObject({ code: 0 });
    await person.berth(['logout']);
    expect(await login()).toMatchObject({ code: 5 });
  });
});
