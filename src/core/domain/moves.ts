/** For each state, the states that may follow it. No other move exists. */
export type Moves<S extends string> = { readonly [From in S]: readonly S[] };

export function mayMove<S extends string>(moves: Moves<S>, from: S, to: S): boolean {
  return moves[from].includes(to);
}
