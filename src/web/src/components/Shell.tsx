import { type ReactNode, useEffect, useRef, useState } from 'react';
import Offcanvas from 'react-bootstrap/Offcanvas';
import { Link, NavLink, useLocation } from 'react-router';
import { useMe } from '../lib/session.ts';
import { AccountEntries, AccountMenu } from './AccountMenu.tsx';
import { AwayBanner } from './AwayBanner.tsx';
import { Mark } from './Brand.tsx';
import { Icon } from './Icon.tsx';
import type { IconName } from './icon-names.ts';
import { Palette } from './Palette.tsx';
import { ADMIN_PLACES, PLACES, type Place } from './places.ts';

/** What is around every page: navigation, the jump palette, the banners. */
export function Shell({ banners, children }: { banners: ReactNode; children: ReactNode }) {
  const { isAdmin } = useMe();
  const [palette, setPalette] = useState(false);
  const main = useRef<HTMLElement>(null);
  useShortcut(() => setPalette((shown) => !shown));
  useFreshStart(main);

  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <div className="shell">
        <aside className="side">
          <Link className="brand" to="/">
            <Mark />
            Berth
          </Link>
          <button type="button" className="side-search" onClick={() => setPalette(true)}>
            <Icon name="search" />
            Jump to …<kbd>Ctrl K</kbd>
          </button>
          <nav aria-label="Pages" className="stack-sm">
            <Places places={PLACES} />
            {isAdmin && (
              <div>
                <div className="side-group">Administration</div>
                <Places places={ADMIN_PLACES} />
              </div>
            )}
          </nav>
          <div className="side-foot">
            <AccountMenu />
          </div>
        </aside>
        <div className="top-bar">
          <Link className="brand" to="/">
            <Mark />
            Berth
          </Link>
          <button
            type="button"
            className="btn btn-quiet btn-icon"
            aria-label="Jump to …"
            onClick={() => setPalette(true)}
          >
            <Icon name="search" className="lg" />
          </button>
        </div>
        <main id="main" ref={main} tabIndex={-1}>
          <AwayBanner />
          {banners}
          {children}
        </main>
        <BottomBar isAdmin={isAdmin} />
      </div>
      {palette && <Palette onClose={() => setPalette(false)} />}
    </>
  );
}

function Places({ places }: { places: readonly Place[] }) {
  return (
    <div>
      {places.map(({ to, label, icon }) => (
        <NavLink key={to} to={to} end={to === '/'} className="side-link">
          <Icon name={icon} />
          {label}
        </NavLink>
      ))}
    </div>
  );
}

function BottomBar({ isAdmin }: { isAdmin: boolean }) {
  const [more, setMore] = useState(false);
  const { pathname } = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new address closes it
  useEffect(() => setMore(false), [pathname]);
  const shown = PLACES.filter(({ phone }) => phone);
  return (
    <>
      <nav className="bottom-bar" aria-label="Pages">
        {shown.map(({ to, short, label, icon }) => (
          <Tab key={to} to={to} icon={icon} label={short ?? label} />
        ))}
        <button type="button" onClick={() => setMore(true)} aria-haspopup="dialog">
          <Icon name="list" />
          More
        </button>
      </nav>
      <Offcanvas show={more} onHide={() => setMore(false)} placement="bottom" aria-label="More pages">
        <Offcanvas.Body>
          <nav aria-label="More pages">
            <Places places={[...PLACES.filter(({ phone }) => !phone), ...(isAdmin ? ADMIN_PLACES : [])]} />
          </nav>
          <hr />
          <AccountEntries />
        </Offcanvas.Body>
      </Offcanvas>
    </>
  );
}

function Tab({ to, icon, label }: { to: string; icon: IconName; label: string }) {
  return (
    <NavLink to={to} end={to === '/'}>
      <Icon name={icon} />
      {label}
    </NavLink>
  );
}

/** Ctrl+K, and Cmd+K on a Mac. */
function useShortcut(toggle: () => void): void {
  const latest = useRef(toggle);
  latest.current = toggle;
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.altKey) return;
      // In a terminal these keys belong to the shell.
      if (event.target instanceof Element && event.target.closest('.terminal')) return;
      event.preventDefault();
      latest.current();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
}

/** A new page begins at its top, and the keyboard with it. */
function useFreshStart(main: React.RefObject<HTMLElement | null>): void {
  const { pathname, hash } = useLocation();
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [pathname, main]);
  // "#password" may be on a page that has yet to come.
  useEffect(() => {
    if (hash === '') return;
    const watch = new MutationObserver(() => show());
    const show = (): void => {
      const target = document.getElementById(hash.slice(1));
      if (!target) return;
      watch.disconnect();
      target.scrollIntoView({ block: 'center' });
    };
    watch.observe(document.body, { childList: true, subtree: true });
    show();
    return () => watch.disconnect();
  }, [hash]);
}
