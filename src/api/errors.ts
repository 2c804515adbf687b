import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { Refusal, type RefusalCode } from '#core/domain/refusal.ts';
import { STRICT_HEADERS } from './strict-headers.ts';

/** The one place where a refusal gets an HTTP status. */
const STATUS: Readonly<Record<RefusalCode, number>> = {
  invalid_request: 400,
  account_name_refused: 400,
  wrong_password: 400,
  wrong_code: 400,
  invalid_grant: 401,
  second_factor_needed: 401,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  not_enough_machines: 409,
  limit_reached: 409,
  reservation_over: 409,
  still_in_use: 409,
  last_admin: 409,
  idempotency_key_reused: 409,
  too_many_requests: 429,
  preparation_failed: 503,
  unavailable: 503,
};

/** For what the web framework refuses before a route sees it. */
const PLAIN_WORDS: Readonly<Record<string | number, string>> = {
  FST_ERR_BAD_URL: 'path: a percent sign in it is not followed by two hexadecimal digits of UTF-8',
  413: 'body: at most 1 MiB is taken',
  415: 'body: only JSON is taken; send it with "Content-Type: application/json"',
};

/** Answers with `{error, message}`; what was not expected is logged and told to nobody else. */
export function answerError(error: FastifyError | Refusal, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof Refusal) {
    const retryAfter = error.details['retry_after_seconds'] ?? (error.code === 'unavailable' ? 1 : undefined);
    if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter));
    if (STATUS[error.code] === 401) reply.header('www-authenticate', 'Bearer');
    return reply.code(STATUS[error.code]).send({ ...error.details, error: error.code, message: error.message });
  }
  if (error.validation) {
    return reply.code(400).send({ error: 'invalid_request', message: fieldMessage(error) });
  }
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) {
    return reply
      .code(status)
      .send({ error: 'invalid_request', message: PLAIN_WORDS[error.code] ?? PLAIN_WORDS[status] ?? error.message });
  }
  request.log.error({ err: error }, 'request failed');
  return reply.code(500).send({
    error: 'internal',
    message: `something went wrong here; the log has the reason under request ${request.id}`,
  });
}

/** What a terminal or a page obeys instead of showing it. */
const OBEYED = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** `duration: must be >= 1` instead of a path into the schema. Never repeats the value: it may be a secret. */
function fieldMessage(error: FastifyError): string {
  const [first] = error.validation ?? [];
  const params = (first?.params ?? {}) as Record<string, unknown>;
  const inside = (first?.instancePath ?? '').split('/').filter((part) => part !== '');
  const extra = params['missingProperty'] ?? params['additionalProperty'];
  if (extra !== undefined) inside.push(String(extra).slice(0, 64).replace(OBEYED, '?'));
  const field = inside.join('.') || (error.validationContext ?? 'body');
  if (params['additionalProperty'] !== undefined) return `${field}: there is no such field`;
  if (params['missingProperty'] !== undefined) return `${field}: is missing`;
  if (first?.keyword === 'pattern') return `${field}: has characters or a form that is not allowed here`;
  return `${field}: ${first?.message ?? 'is not valid'}`;
}

/** Answers what is no HTTP at all; there is no request yet that a route or a hook could see. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = BROKEN[error.code ?? ''] ?? ['400 Bad Request', 'the request is not valid HTTP'];
  const body = JSON.stringify({ error: 'invalid_request', message });
  const headers = {
    ...STRICT_HEADERS,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${[status, ...lines].join('\r\n')}\r\n\r\n${body}`);
  // Who does not read it is cut off all the same.
  setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
}

const FAREWELL_MS = 2_000;
const BROKEN: Readonly<Record<string, readonly [string, string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'the headers are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'the request took too long to arrive'],
};
