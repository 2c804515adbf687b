import { type Client, createClient } from '#contract/client.ts';
import { CliError, EXIT, usage } from './exit.ts';
import { createSend, type Trust } from './http.ts';
import { type Login, readLogin } from './login-file.ts';

export interface ConnectOptions {
  readonly server?: string | undefined;
  /** File with certificates to trust. */
  readonly ca?: string | undefined;
  readonly insecure?: boolean | undefined;
}

/** Where a command talks to, and as whom. */
export interface Place extends Trust {
  readonly server: string;
  readonly token: string | null;
  /** What is kept for this very server. */
  readonly kept: Login | null;
}

/** The server and the token by the options, the environment, and what `berth login` kept, in this order. */
export async function findPlace(options: ConnectOptions): Promise<Place> {
  const kept = readLogin();
  const named = options.server ?? (process.env['BERTH_SERVER'] || undefined);
  const server = named === undefined ? kept?.server : serverAddress(named);
  if (server === undefined) {
    throw new CliError(
      'unauthorized',
      EXIT.notAllowed,
      'you are not signed in',
      'berth login --server URL (or set BERTH_SERVER and BERTH_TOKEN)',
    );
  }
  const own = kept?.server === server ? kept : null;
  return {
    server,
    token: process.env['BERTH_TOKEN']?.trim() || (own?.token ?? null),
    kept: own,
    ca: options.ca === undefined ? (own?.ca ?? null) : await certificateFile(options.ca),
    insecure: options.insecure ?? (options.ca === undefined && (own?.insecure ?? false)),
  };
}

/** A client that is signed in. @throws CliError when nobody is. */
export async function connect(options: ConnectOptions): Promise<Client> {
  const place = await findPlace(options);
  if (place.token === null) {
    throw new CliError(
      'unauthorized',
      EXIT.notAllowed,
      `you are not signed in to ${place.server}`,
      `berth login --server ${place.server}`,
    );
  }
  return clientFor(place);
}

/** `prefix` takes the place of `/api` where a proxy has the API under another path. */
export function clientFor(place: Pick<Place, 'server' | 'token'> & Trust, prefix = '/api'): Client {
  const send = createSend(place);
  return createClient({
    base: '',
    token: () => place.token,
    send: (path, request) => send(`${place.server}${prefix}${path.slice('/api'.length)}`, request),
  });
}

/**
 * Scheme, host, port, and a proxy's path; a bare host means https.
 * @throws CliError (usage) for what is no address of a server.
 */
export function serverAddress(text: string): string {
  const withScheme = /^[a-z]+:\/\//i.test(text) ? text : `https://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw usage(`"${text}" is no address of a server; write one like https://berth.example.org`);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/api$/, '')}`;
}

async function certificateFile(file: string): Promise<string> {
  const { readFileSync } = await import('node:fs');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw usage(`--ca ${file}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw usage(`--ca ${file}: there is no certificate (PEM) in it`);
  return text;
}
