import type { ApiToken } from '../../lib/queries.ts';

export type Scope = ApiToken['scopes'][number];

/** What an API token may be used for, in words; the last two are for admins. */
export const SCOPES: readonly { readonly scope: Scope; readonly words: string; readonly admin: boolean }[] = [
  { scope: 'read', words: 'see machines, reservations and what is free', admin: false },
  { scope: 'reserve', words: 'reserve machines, extend and give them back', admin: false },
  { scope: 'machines', words: 'register, change and delete machines', admin: true },
  { scope: 'admin', words: 'manage users, read the audit log, end all reservations', admin: true },
];
