/** Who does a thing. The scheduler acts in nobody's name; `setup` is whoever has the server's own settings and shell. */
export type Actor =
  | {
      readonly kind: 'user';
      readonly id: string;
      readonly name: string;
      readonly role: Role;
      /** Where from, if it came over the network. */
      readonly origin?: Origin;
    }
  | { readonly kind: 'system'; readonly name: 'scheduler' | 'setup' };

export type Role = 'admin' | 'user';

/** Where a request came from and what it was signed in by, for the audit log. */
export interface Origin {
  readonly address: string;
  readonly sessionId: string | null;
  /** Name of the API token. */
  readonly apiToken: string | null;
}

export function isAdmin(actor: Actor): boolean {
  return actor.kind === 'user' ? actor.role === 'admin' : actor.name === 'setup';
}

/** The part of an audit record that says who and where from. */
export function by(actor: Actor): { readonly actor: string; readonly origin: Origin | null } {
  return { actor: actor.name, origin: (actor.kind === 'user' && actor.origin) || null };
}
