/** Who does a thing. The scheduler acts in nobody's name; `setup` is whoever has the server's own settings and shell. */
export type Actor =
  | { readonly kind: 'user'; readonly id: string; readonly name: string; readonly role: Role }
  | { readonly kind: 'system'; readonly name: 'scheduler' | 'setup' };

export type Role = 'admin' | 'user';

export function isAdmin(actor: Actor): boolean {
  return actor.kind === 'user' ? actor.role === 'admin' : actor.name === 'setup';
}
