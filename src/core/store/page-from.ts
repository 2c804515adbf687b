/** From where a newest-first list of rows with a time and an id goes on. */
export interface PageFrom {
  readonly at: Date;
  /** Also the rows of that very time. */
  readonly including: boolean;
  /** Of that very time, those with a smaller id. */
  readonly beforeId: string | null;
}
