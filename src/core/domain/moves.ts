/** For each state, the states that may follow it. No other move exists. */
export type Moves<S extends string> = { readonly [From in S]: readonly S[] };

/** The states that may be left for `to`. */
export function statesBefore<S extends string>(moves: Moves<S>, to: S): S[] {
  return (Object.keys(moves) as S[]).filter((from) => moves[from].includes(to));
}
