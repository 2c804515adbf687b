import { useSyncExternalStore } from 'react';
import { CallFailure, createClient } from '#contract/client.ts';
import type { Answer } from '#contract/routes.ts';

/** Who sits here. The access token lives in this module's memory and nowhere else. */
export type Session =
  | { readonly state: 'starting' }
  | { readonly state: 'unreachable' }
  | { readonly state: 'signed-out'; readonly ended: boolean }
  | { readonly state: 'signed-in'; readonly user: string; readonly isAdmin: boolean };

/** The refresh cookie is only believed with this header, which no other site can send. */
const PROOF = { 'x-berth-refresh': '1' } as const;
/** Part of a token's life after which the next one is fetched. */
const RENEW_AT = 0.8;
const NOTE = 'berth.session';
const MOST_DELAY_MS = 2 ** 31 - 1;

let token: string | null = null;
let session: Session = { state: 'starting' };
let renewal: ReturnType<typeof setTimeout> | undefined;
let renewing: Promise<boolean> | null = null;
const listeners = new Set<() => void>();
const otherTabs = new BroadcastChannel('berth-session');
const client = createClient({ base: '', token: () => token });

otherTabs.onmessage = ({ data }) => {
  if (data === 'signed-out' && session.state === 'signed-in') leave(false);
  if (data === 'signed-in' && session.state === 'signed-out') void start();
};

export function useSession(): Session {
  return useSyncExternalStore(subscribe, () => session);
}

/** Who is signed in; only for parts of the page that are shown to nobody else. */
export function useMe(): { user: string; isAdmin: boolean } {
  const now = useSession();
  return now.state === 'signed-in' ? now : { user: '', isAdmin: false };
}

/** The token for calls that are made by hand, like streams; null while nobody is signed in. */
export const accessToken = (): string | null => token;

/**
 * Calls with the token of the session; one that has run out is renewed once, unseen by the caller.
 * @throws CallFailure when the server says no; TypeError when it cannot be reached.
 */
export const call: typeof client.call = async (name, ...input) => {
  const used = token;
  try {
    return await client.call(name, ...input);
  } catch (error) {
    if (!isUnauthorized(error) || used === null) throw error;
    if (token === used && !(await renew())) throw error;
    return await client.call(name, ...input);
  }
};

/**
 * Fetches what is no JSON, with the token of the session.
 * @throws CallFailure when the server says no; TypeError when it cannot be reached.
 */
export async function fetchFile(address: string): Promise<Response> {
  const ask = () => fetch(address, { headers: { authorization: `Bearer ${token}` } });
  let answer = await ask();
  if (answer.status === 401 && (await renew())) answer = await ask();
  if (answer.ok) return answer;
  const { error, message } = await answer.json().catch(() => ({}));
  throw new CallFailure(answer.status, error ?? 'unavailable', message ?? `the server answered ${answer.status}`, {});
}

/** Finds out whether the cookie of an earlier visit still opens a session. */
export async function start(): Promise<void> {
  try {
    if (!mayHaveSession() || !(await renew())) set({ state: 'signed-out', ended: false });
  } catch {
    set({ state: 'unreachable' });
  }
}

/** @throws CallFailure for a wrong name, password or code, when a code is missing, or when there were too many tries. */
export async function signIn(username: string, password: string, code?: string): Promise<void> {
  await enter(await client.call('openSession', { body: { username, password, ...(code && { code }) } }));
  otherTabs.postMessage('signed-in');
}

export async function signOut(): Promise<void> {
  await client.call('closeSession', { headers: PROOF }).catch(ignoreUnlessAway);
  otherTabs.postMessage('signed-out');
  leave(false);
}

/** Ends the sessions of all devices, this one included. @throws CallFailure */
export async function signOutEverywhere(): Promise<void> {
  await call('endSessions');
  otherTabs.postMessage('signed-out');
  leave(false);
}

/** A new token for the cookie. False, and signed out, when the server refuses; throws when it is away. */
export function renew(): Promise<boolean> {
  renewing ??= inTurn(async () => {
    try {
      await enter(await client.call('refreshSession', { headers: PROOF }));
      return true;
    } catch (error) {
      if (!(error instanceof CallFailure) || error.status >= 500 || error.status === 429) throw error;
      if (session.state === 'signed-in') leave(true);
      return false;
    }
  }).finally(() => {
    renewing = null;
  });
  return renewing;
}

async function enter(answer: Answer<'openSession'>): Promise<void> {
  token = answer.access_token;
  clearTimeout(renewal);
  renewal = setTimeout(
    () => {
      void renew().catch(() => undefined); // away: the next call that is refused tries again
    },
    Math.min(answer.expires_in * 1000 * RENEW_AT, MOST_DELAY_MS),
  );
  const { user, roles } = await client.call('whoami');
  remember(true);
  set({ state: 'signed-in', user, isAdmin: roles.includes('admin') });
}

function leave(ended: boolean): void {
  token = null;
  remember(false);
  clearTimeout(renewal);
  set({ state: 'signed-out', ended });
}

/** The cookie cannot be seen from here. A note that there is one saves a visitor the question, and the server the answer. */
function remember(signedIn: boolean): void {
  try {
    if (signedIn) localStorage.setItem(NOTE, '1');
    else localStorage.removeItem(NOTE);
  } catch {
    // Storage is refused: then it is asked each time.
  }
}

function mayHaveSession(): boolean {
  // An identity provider has just sent the browser back here.
  if (new URLSearchParams(location.search).has('signed-in')) return true;
  try {
    return localStorage.getItem(NOTE) !== null;
  } catch {
    return true;
  }
}

/** Tabs share the cookie: one after the other renews it, where the browser can say so. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks ? navigator.locks.request('berth-renewal', work) : work();
}

function set(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const isUnauthorized = (error: unknown): boolean => error instanceof CallFailure && error.status === 401;

/** Signing out where the session has ended already is no failure. */
function ignoreUnlessAway(error: unknown): void {
  if (!(error instanceof CallFailure)) throw error;
}
