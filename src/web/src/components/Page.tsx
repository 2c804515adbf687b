import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { Icon } from './Icon.tsx';

/** The frame of a page: its title for tab and reader, one line about it, and what can be done. */
export function Page({
  title,
  heading = title,
  lead,
  actions,
  back,
  wide = false,
  children,
}: {
  title: string;
  heading?: ReactNode;
  lead?: ReactNode;
  actions?: ReactNode;
  back?: { readonly to: string; readonly label: string };
  wide?: boolean;
  children: ReactNode;
}) {
  return (
    <div className={wide ? 'page wide' : 'page'}>
      <title>{`${title} · Berth`}</title>
      <header className="page-head">
        <div className="grow">
          {back && (
            <Link className="crumb" to={back.to}>
              <Icon name="arrow-left" />
              {back.label}
            </Link>
          )}
          <h1>{heading}</h1>
          {lead && <p className="lead">{lead}</p>}
        </div>
        {actions && <div className="row-line">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
