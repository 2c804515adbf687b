import type { Actor } from '#core/domain/actor.ts';

/** What somebody is signed in by. */
export interface Proof {
  readonly userId: string;
  /** Null: a token of its own, not one of a session. */
  readonly sessionId: string | null;
  readonly tokenVersion: number;
}

export type SignedIn = Actor & { readonly kind: 'user' } & Omit<Proof, 'userId'>;
