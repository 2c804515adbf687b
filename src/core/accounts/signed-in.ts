import type { Actor } from '#core/domain/actor.ts';
import type { Scope } from '#core/domain/scope.ts';

/** What somebody is signed in by. */
export interface Proof {
  readonly userId: string;
  /** Null: a token of its own, not one of a session. */
  readonly sessionId: string | null;
  readonly tokenVersion: number;
}

export type SignedIn = Actor & { readonly kind: 'user' } & Omit<Proof, 'userId'> & {
    /** The API token that was shown; null for a person who has signed in. What it may be used for is checked with each request. */
    readonly apiToken: {
      readonly id: string;
      readonly name: string;
      readonly scopes: readonly Scope[];
      readonly expiresAt: Date;
    } | null;
  };
