import { Mark } from '../components/Brand.tsx';
import { Notice } from '../components/Notice.tsx';
import { LoginForm } from '../features/session/LoginForm.tsx';
import { OrganisationSignIn } from '../features/session/OrganisationSignIn.tsx';

export function Login({ ended }: { ended: boolean }) {
  return (
    <main className="login">
      <title>Sign in · Berth</title>
      <div className="login-box stack-lg">
        <div>
          <span className="brand">
            <Mark />
            Berth
          </span>
        </div>
        <div>
          <h1>Sign in</h1>
          <p className="soft">Machines for a while, with an account on each.</p>
        </div>
        {ended && <Notice tone="wait">Your session has ended. Sign in again to go on where you were.</Notice>}
        <LoginForm />
        <OrganisationSignIn />
      </div>
    </main>
  );
}
