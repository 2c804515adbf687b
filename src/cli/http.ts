import type { IncomingMessage } from 'node:http';
import type { Send } from '#contract/client.ts';
import { CliError, EXIT } from './exit.ts';

export interface Trust {
  /** Text of a PEM file with certificates to trust besides the well-known ones. */
  readonly ca: string | null;
  /** Takes any certificate: whoever sits on the way can read and change everything. */
  readonly insecure: boolean;
}

/** Silence after which a call is given up: longer than the longest that a server waits (60 s). */
const SILENCE_MS = 90_000;
const CONNECT_MS = 10_000;
const MOST_BYTES = 64 * 1024 * 1024;

/** Like `fetch`, but it trusts what it is told to, follows no redirect, and says what to do when a server does not answer. */
export function createSend(trust: Trust): Send {
  return async (address, { method, headers, body, signal }) => {
    const url = new URL(address);
    const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
    const options = {
      method,
      headers: { accept: 'application/json', ...headers, 'content-length': Buffer.byteLength(body ?? '') },
      timeout: SILENCE_MS,
      ...(signal && { signal }),
      ...(url.protocol === 'https:' && (await certificates(trust))),
    };
    return await new Promise((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException): void =>
        reject(signal?.aborted ? error : unreachable(url.origin, error));
      const sent = request(url, options, (answer) => read(answer).then(resolve, fail));
      const connecting = setTimeout(
        () => sent.destroy(new Error(`no connection within ${CONNECT_MS / 1000} s`)),
        CONNECT_MS,
      );
      sent.once('close', () => clearTimeout(connecting));
      sent.once('socket', (socket) => {
        if (socket.connecting) socket.once('connect', () => clearTimeout(connecting));
        else clearTimeout(connecting);
      });
      sent.once('timeout', () => sent.destroy(new Error(`no answer within ${SILENCE_MS / 1000} s`)));
      sent.once('error', fail);
      sent.end(body);
    });
  };
}

async function certificates({ ca, insecure }: Trust) {
  if (insecure) return { rejectUnauthorized: false };
  if (ca === null) return {};
  const { rootCertificates } = await import('node:tls');
  return { ca: [...rootCertificates, ca] };
}

async function read(answer: IncomingMessage): Promise<Awaited<ReturnType<Send>>> {
  const status = answer.statusCode ?? 0;
  const to = answer.headers.location;
  if (status >= 300 && status < 400 && to !== undefined) {
    answer.resume();
    throw new Error(`it sends callers on to ${to}; use that address with --server if you trust it`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BYTES) throw new Error('its answer is far too long');
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  const ok = status >= 200 && status < 300;
  if (ok && !isJson(text)) throw new Error('something answers there that is not Berth; is the address right?');
  return { ok, status, text: async () => text };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function unreachable(origin: string, error: NodeJS.ErrnoException): CliError {
  const code = error.code ?? '';
  const [why, next] = /CERT|SELF_SIGNED|SIGNATURE|ISSUER/.test(code)
    ? [
        `its certificate is not trusted (${error.message})`,
        'Sign in with --ca FILE (the certificate that it should show), or, where nobody can listen, with --insecure.',
      ]
    : [PLAIN[code] ?? error.message, 'Is the server running, and the address right? --server URL names another one.'];
  return new CliError('unreachable', EXIT.unreachable, `${origin} cannot be used: ${why}`, next);
}

const PLAIN: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'its name cannot be looked up just now',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'there is no way to it',
  ECONNRESET: 'it closed the connection',
  EPROTO: 'it does not speak TLS; try http:// instead of https://',
};
