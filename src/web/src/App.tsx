import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect } from 'react';
import { Navigate, Route, Routes, useLocation } from 'react-router';
import { Broken } from './components/Broken.tsx';
import { Shell } from './components/Shell.tsx';
import { Toasts } from './components/Toasts.tsx';
import { EndWarning } from './features/reservations/EndWarning.tsx';
import { WeakPasswordBanner } from './features/settings/WeakPasswordBanner.tsx';
import { follow } from './lib/live.ts';
import { useSession } from './lib/session.ts';
import { Away } from './pages/Away.tsx';
import { Dashboard } from './pages/Dashboard.tsx';
import { Login } from './pages/Login.tsx';
import { AdminsOnly, NotFound } from './pages/Nothing.tsx';

const Reservations = lazy(() => import('./pages/Reservations.tsx'));
const ReservationPage = lazy(() => import('./pages/Reservation.tsx'));
const Available = lazy(() => import('./pages/Available.tsx'));
const Machines = lazy(() => import('./pages/Machines.tsx'));
const MachinePage = lazy(() => import('./pages/Machine.tsx'));
const TerminalPage = lazy(() => import('./pages/Terminal.tsx'));
const Users = lazy(() => import('./pages/Users.tsx'));
const Audit = lazy(() => import('./pages/Audit.tsx'));
const Settings = lazy(() => import('./pages/Settings.tsx'));
const Timeline = lazy(() => import('./pages/Timeline.tsx'));

export function App() {
  const session = useSession();
  return (
    <>
      {session.state === 'unreachable' && <Away />}
      {session.state === 'signed-out' && <SignedOut ended={session.ended} />}
      {session.state === 'signed-in' && <SignedIn key={session.user} isAdmin={session.isAdmin} />}
      <Toasts />
    </>
  );
}

/** Whatever address was asked for is gone to after signing in. */
function SignedOut({ ended }: { ended: boolean }) {
  const { pathname, search } = useLocation();
  const queries = useQueryClient();
  useEffect(() => queries.clear(), [queries]);
  if (pathname === '/login') return <Login ended={ended} />;
  const wanted = pathname + search;
  return <Navigate to={wanted === '/' ? '/login' : `/login?to=${encodeURIComponent(wanted)}`} replace />;
}

function SignedIn({ isAdmin }: { isAdmin: boolean }) {
  const queries = useQueryClient();
  const { pathname } = useLocation();
  useEffect(() => follow(queries), [queries]);
  return (
    <Shell
      banners={
        <>
          <WeakPasswordBanner />
          <EndWarning />
        </>
      }
    >
      <Broken address={pathname}>
        <Suspense fallback={<div className="page" aria-busy="true" />}>
          <Routes>
            <Route index element={<Dashboard />} />
            <Route path="login" element={<GoOn />} />
            <Route path="reservations" element={<Reservations />} />
            <Route path="reservations/:id" element={<ReservationPage />} />
            <Route path="reservations/:id/terminal/:machine" element={<TerminalPage />} />
            <Route path="available" element={<Available />} />
            <Route path="timeline" element={<Timeline />} />
            <Route path="machines" element={<Machines />} />
            <Route path="machines/:name" element={<MachinePage />} />
            <Route path="users" element={isAdmin ? <Users /> : <AdminsOnly />} />
            <Route path="audit" element={isAdmin ? <Audit /> : <AdminsOnly />} />
            <Route path="settings" element={<Settings />} />
            <Route path="*" element={<NotFound />} />
          </Routes>
        </Suspense>
      </Broken>
    </Shell>
  );
}

function GoOn() {
  const wanted = new URLSearchParams(useLocation().search).get('to') ?? '/';
  // Only an address of this page: "//elsewhere" is another site.
  return <Navigate to={/^\/(?![/\\])/.test(wanted) ? wanted : '/'} replace />;
}
