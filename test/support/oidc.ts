import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import type { OidcSettings } from '#core/accounts/oidc/settings.ts';

export const CALLBACK = 'http://127.0.0.1:9/api/oidc/callback';

export function oidcSettings(issuer: string, more: Partial<OidcSettings> = {}): OidcSettings {
  return {
    issuer,
    clientId: 'berth',
    clientSecret: 'a secret of the client',
    scopes: 'openid profile',
    usernameClaim: 'preferred_username',
    groupsClaim: 'groups',
    adminGroup: null,
    name: 'Sign in with Example',
    redirectUri: CALLBACK,
    ...more,
  };
}

/** A real provider in a process of its own, on loopback. */
export async function startProvider(...redirects: string[]): Promise<{ issuer: string; stop(): Promise<void> }> {
  const script = fileURLToPath(new URL('./oidc-provider-process.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, ...redirects], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [issuer] = (await once(createInterface(child.stdout), 'line')) as [string];
  return {
    issuer,
    async stop() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

/** Follows redirects at the provider as a browser does, signs in there, and answers the address it is sent back to. */
export async function signInThere(address: string, who: string, backTo: string = CALLBACK): Promise<string> {
  const jar = new Map<string, string>();
  let next = address;
  for (let step = 0; step < 20; step += 1) {
    if (next.startsWith(backTo)) return next;
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(next, { redirect: 'manual', headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      jar.set(name, value);
    }
    const to = answer.headers.get('location');
    if (to === null) {
      if (!(await answer.text()).includes('name="who"')) throw new Error(`the provider answered ${answer.status}`);
      next = `${next}?who=${encodeURIComponent(who)}`;
    } else next = new URL(to, next).href;
  }
  throw new Error('the provider sends round in circles');
}

/** What a provider that lies says in its ID token. */
export interface Lie {
  claims?: JWTPayload;
  /** Signed by a key that is not the provider's. */
  foreignKey?: boolean;
  /** One letter of the name is changed after signing. */
  tampered?: boolean;
}

/** A provider that lies, since a real one cannot be made to. It remembers the nonce that it was sent in `nonce`. */
export async function startLiar() {
  const keys = await generateKeyPair('RS256');
  const foreign = await generateKeyPair('RS256');
  const state: { lie: Lie; nonce: string } = { lie: {}, nonce: '' };
  const server = createServer(async (request: IncomingMessage, response) => {
    response.setHeader('content-type', 'application/json');
    if (request.url === '/.well-known/openid-configuration') {
      const [authorization_endpoint, token_endpoint, jwks_uri] = ['auth', 'token', 'jwks'].map(
        (one) => `${issuer}/${one}`,
      );
      return response.end(JSON.stringify({ issuer, authorization_endpoint, token_endpoint, jwks_uri }));
    }
    if (request.url === '/jwks') {
      return response.end(JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), kid: '1', alg: 'RS256' }] }));
    }
    const seconds = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer,
      aud: 'berth',
      sub: 'liar',
      nonce: state.nonce,
      preferred_username: 'carol',
      iat: seconds,
      exp: seconds + 60,
      ...state.lie.claims,
    };
    const key = state.lie.foreignKey ? foreign.privateKey : keys.privateKey;
    let token = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: '1' }).sign(key);
    if (state.lie.tampered) {
      const [head, , signature] = token.split('.');
      const body = Buffer.from(JSON.stringify({ ...claims, preferred_username: 'mallory' })).toString('base64url');
      token = `${head}.${body}.${signature}`;
    }
    response.end(JSON.stringify({ access_token: 'a', token_type: 'Bearer', id_token: token }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    state,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
