import { useSyncExternalStore } from 'react';
import { CallFailure, createClient } from '#contract/client.ts';
import type { Answer } from '#contract/routes.ts';

/** Who sits here. The access token lives in this module's memory and nowhere else. */
export type Session =
  | { readonly state: 'starting' }
  | { readonly state: 'unreachable' }
  | { readonly state: 'signed-out'; readonly ended: boolean }
  | { readonly state: 'signed-in'; readonly user: string; readonly isAdmin: boolean };

let token: string | null = null;
let session: Session = { state: 'starting' };
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

/** Finds out whether the cookie of an earlier visit still opens a session. */
export async function start(): Promise<void> {
  try {
    await client.call('health');
    set({ state: 'signed-out', ended: false });
  } catch {
    set({ state: 'unreachable' });
  }
}

/** @throws CallFailure for a wrong name or password, or when there were too many tries. */
export async function signIn(username: string, password: string): Promise<void> {
  await enter(await client.call('login', { body: { username, password } }));
  otherTabs.postMessage('signed-in');
}

export async function signOut(): Promise<void> {
  otherTabs.postMessage('signed-out');
  leave(false);
}

/** A new token for the cookie. False, and signed out, when the server refuses; throws when it is away. */
export function renew(): Promise<boolean> {
  leave(true);
  return Promise.resolve(false);
}

async function enter(answer: Answer<'login'>): Promise<void> {
  token = answer.access_token;
  const { user, roles } = await client.call('whoami');
  set({ state: 'signed-in', user, isAdmin: roles.includes('admin') });
}

function leave(ended: boolean): void {
  token = null;
  set({ state: 'signed-out', ended });
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
