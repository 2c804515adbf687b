/** What an API token may be used for. None of them includes another. */
export const SCOPES = ['read', 'reserve', 'machines', 'admin'] as const;

export type Scope = (typeof SCOPES)[number];

/** What only an admin's token can have, and what a token loses its user's admin rights without. */
export const ADMIN_SCOPES: ReadonlySet<Scope> = new Set(['machines', 'admin']);
