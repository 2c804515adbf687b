import type { ReactNode } from 'react';
import { CallFailure } from '#contract/client.ts';
import { problemText } from '../lib/toasts.ts';
import { Empty } from './Empty.tsx';

/** There is none of that name, or there can be none. */
const NOTHING = new Set([400, 404]);

/** What is asked for from the server: a query, or several of them as one. */
export interface Asked<T> {
  readonly data: T | undefined;
  readonly isPending: boolean;
  readonly error: unknown;
  readonly refetch: () => unknown;
}

/** The data of a query, or its shape while it comes, or why it does not come and a way to ask again. */
export function Loaded<T>({
  query,
  skeleton,
  missing,
  children,
}: {
  query: Asked<T>;
  skeleton: ReactNode;
  /** Shown when there is no such thing. */
  missing?: ReactNode;
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined) return children(query.data);
  if (query.isPending) {
    return (
      <div aria-busy="true">
        <span className="visually-hidden">Loading</span>
        {skeleton}
      </div>
    );
  }
  if (missing && query.error instanceof CallFailure && NOTHING.has(query.error.status)) return missing;
  return (
    <div className="panel" role="alert">
      <Empty
        icon="exclamation-circle"
        title="This could not be loaded"
        actions={
          <button type="button" className="btn btn-plain" onClick={() => query.refetch()}>
            Try again
          </button>
        }
      >
        {problemText(query.error)}
      </Empty>
    </div>
  );
}

/** Grey lines in the place of rows that are on their way. */
export function SkeletonRows({ rows = 5 }: { rows?: number }) {
  return (
    <div className="panel">
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same
        <div className="grid-row d-flex" key={index}>
          <span className="skeleton skeleton-md" />
          <span className="skeleton skeleton-sm" />
          <span className="grow" />
          <span className="skeleton skeleton-sm" />
        </div>
      ))}
    </div>
  );
}
