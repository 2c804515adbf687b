import type { QueryClient, QueryKey } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { routes } from '#contract/routes.ts';
import { accessToken, renew } from './session.ts';

/** `away`: the server does not answer and the page shows what it knew last. */
export type Link = 'connecting' | 'live' | 'away';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;
/** The server says something every 15 s; a stream that is silent longer than this is dead. */
const SILENCE_MS = 20_000;
/** What changes together is fetched together. */
const GATHER_MS = 200;

/** Which data a change of a kind makes old. */
const STALE: Readonly<Record<string, readonly QueryKey[]>> = {
  machine: [['machines'], ['available'], ['reservations'], ['timeline'], ['audit']],
  reservation: [['reservations'], ['machines'], ['available'], ['timeline'], ['limits'], ['audit']],
  user: [['users'], ['profile'], ['audit']],
  limits: [['limits'], ['audit']],
  session: [['profile'], ['audit']],
  token: [['profile'], ['users'], ['audit']],
  terminal: [['audit']],
};

let link: Link = 'connecting';
const linkListeners = new Set<() => void>();

export function useLink(): Link {
  return useSyncExternalStore(
    (listener) => {
      linkListeners.add(listener);
      return () => linkListeners.delete(listener);
    },
    () => link,
  );
}

/** Follows the server's events and refetches what they make old, until the answer is called. */
export function follow(queries: QueryClient): () => void {
  const stop = new AbortController();
  const refresh = gatherer(queries);
  void keepFollowing(queries, refresh, stop.signal);
  return () => stop.abort();
}

async function keepFollowing(queries: QueryClient, refresh: (kind: string) => void, stop: AbortSignal): Promise<void> {
  let pause = FIRST_PAUSE_MS;
  let first = true;
  while (!stop.aborted) {
    const began = Date.now();
    const outcome = await readOnce(
      stop,
      (kind) => refresh(kind),
      () => {
        // Whatever happened meanwhile was missed.
        if (!first) void queries.invalidateQueries();
        first = false;
        setLink('live');
      },
    );
    if (stop.aborted) return;
    if (outcome === 'refused') {
      // Signed out, or the server is away: the session says which.
      const renewed = await renew().catch(() => null);
      if (renewed === false) return;
    }
    // A stream that held for a while ended in order; one that ends at once is a server in trouble.
    pause = Date.now() - began > 10_000 ? FIRST_PAUSE_MS : Math.min(pause * 2, LONGEST_PAUSE_MS);
    if (outcome === 'unreachable') setLink('away');
    await sleep(pause * (0.75 + Math.random() / 2), stop);
  }
}

async function readOnce(
  stop: AbortSignal,
  hear: (kind: string) => void,
  opened: () => void,
): Promise<'ended' | 'refused' | 'unreachable'> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
  };
  try {
    const answer = await fetch(routes.events.path, {
      headers: { authorization: `Bearer ${accessToken()}`, accept: 'text/event-stream' },
      signal: AbortSignal.any([stop, silence.signal]),
    });
    if (answer.status === 401) return 'refused';
    if (!answer.ok || !answer.body) return 'unreachable';
    opened();
    for await (const block of blocks(answer.body, heard)) {
      const kind = kindOf(block);
      if (kind === undefined) continue;
      hear(kind);
    }
    return 'ended';
  } catch {
    return 'unreachable';
  } finally {
    clearTimeout(timer);
  }
}

async function* blocks(body: ReadableStream<Uint8Array>, heard: () => void): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let rest = '';
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    const parts = (rest + value).split('\n\n');
    rest = parts.pop() ?? '';
    yield* parts;
  }
}

/** What an event is about; undefined for a sign of life. */
function kindOf(block: string): string | undefined {
  return /^event: (.+)$/m.exec(block)?.[1];
}

/** Fetches again what became old: at once when it is quiet, and never the same thing twice at a time. */
function gatherer(queries: QueryClient): (kind: string) => void {
  const kinds = new Set<string>();
  let busy = false;
  const run = async (): Promise<void> => {
    busy = true;
    while (kinds.size > 0) {
      await sleep(GATHER_MS);
      const keys = new Map<string, QueryKey>();
      for (const kind of kinds) for (const key of STALE[kind] ?? []) keys.set(String(key[0]), key);
      kinds.clear();
      await Promise.all([...keys.values()].map((queryKey) => queries.invalidateQueries({ queryKey })));
    }
    busy = false;
  };
  return (kind) => {
    kinds.add(kind);
    if (!busy) void run();
  };
}

function setLink(next: Link): void {
  if (next === link) return;
  link = next;
  for (const listener of linkListeners) listener();
}

function sleep(ms: number, stop?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop?.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
