import { Component, type ReactNode } from 'react';
import { problemText } from '../lib/toasts.ts';
import { Empty } from './Empty.tsx';
import { Icon } from './Icon.tsx';

interface State {
  readonly error: unknown;
}

/** When a page breaks, or its program could not be fetched: what happened and a way on. `address` is where it broke. */
export class Broken extends Component<{ address: string; children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  override componentDidUpdate(before: { address: string }): void {
    if (before.address !== this.props.address && this.state.error !== null) this.setState({ error: null });
  }

  override render(): ReactNode {
    if (this.state.error === null) return this.props.children;
    return (
      <div className="page" role="alert">
        <div className="panel">
          <Empty
            icon="exclamation-circle"
            title="This page could not be shown"
            actions={
              <button type="button" className="btn btn-plain" onClick={() => location.reload()}>
                <Icon name="arrow-repeat" />
                Load it again
              </button>
            }
          >
            {problemText(this.state.error)}
          </Empty>
        </div>
      </div>
    );
  }
}
