import { type Answer, type Part, type Route, type RouteName, routes } from './routes.ts';

type Given<Name extends string, T> = undefined extends T ? unknown : { [K in Name]: T };
type Maybe<Name extends string, T> = undefined extends T ? unknown : { [K in Name]?: T };

/** What a call to a route needs. */
export type Input<N extends RouteName> = Given<'params', Part<N, 'params'>> &
  Given<'body', Part<N, 'body'>> &
  Maybe<'query', Part<N, 'querystring'>> &
  Maybe<'headers', Part<N, 'headers'>> & { signal?: AbortSignal };

/** Talks to a Berth server. */
export interface Client {
  /**
   * Calls a route by its name and answers the body.
   * @throws CallFailure when the server says no; whatever `fetch` throws when it cannot be reached.
   */
  call<N extends RouteName>(
    name: N,
    ...input: Record<never, never> extends Input<N> ? [input?: Input<N>] : [input: Input<N>]
  ): Promise<Answer<N>>;
}

export interface ClientOptions {
  /** Scheme, host and port, and what a proxy puts before `/api`; empty for the page's own origin. */
  readonly base: string;
  /** Asked before each call; null while nobody is signed in. */
  readonly token?: () => string | null;
  /** Sends a request; `fetch` unless given. */
  readonly send?: Send;
}

/** As much of `fetch` as the client needs. Rejects when the server cannot be reached. */
export type Send = (
  address: string,
  request: { method: string; headers: Record<string, string>; body?: string; signal?: AbortSignal },
) => Promise<{ readonly ok: boolean; readonly status: number; text(): Promise<string> }>;

/** A "no" of the server: its status, its stable code in `error`, and all other fields of the answer in `details`. */
export class CallFailure extends Error {
  readonly status: number;
  readonly error: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(status: number, error: string, message: string, details: Readonly<Record<string, unknown>>) {
    super(message);
    this.name = 'CallFailure';
    this.status = status;
    this.error = error;
    this.details = details;
  }
}

/** What all inputs have in common once their types no longer matter. */
interface LooseInput {
  readonly params?: Record<string, unknown>;
  readonly query?: Record<string, unknown>;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

export function createClient({
  base,
  token = () => null,
  send = (address, request) => fetch(address, request),
}: ClientOptions): Client {
  return {
    async call(name, ...[given]) {
      const { method, path } = routes[name] as Route;
      const input = (given ?? {}) as LooseInput;
      const bearer = token();
      const answer = await send(base + addressOf(path, input), {
        method,
        headers: {
          ...input.headers,
          ...(bearer !== null && { authorization: `Bearer ${bearer}` }),
          ...(input.body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(input.body !== undefined && { body: JSON.stringify(input.body) }),
        ...(input.signal && { signal: input.signal }),
      });
      const text = await answer.text();
      if (!answer.ok) throw failureOf(answer.status, text);
      return JSON.parse(text);
    },
  };
}

function addressOf(path: string, { params = {}, query = {} }: LooseInput): string {
  const filled = path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  return search.size > 0 ? `${filled}?${search}` : filled;
}

/** A proxy on the way may answer with something that is no JSON of Berth's. */
function failureOf(status: number, text: string): CallFailure {
  try {
    const { error, message, ...details } = JSON.parse(text);
    if (typeof error === 'string' && typeof message === 'string')
      return new CallFailure(status, error, message, details);
  } catch {
    // Falls through to the plain words.
  }
  return new CallFailure(status, 'unavailable', `the server answered with status ${status}`, {});
}
