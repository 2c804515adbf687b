import { useEffect, useState } from 'react';
import { useLocation } from 'react-router';
import type { Answer } from '#contract/routes.ts';
import { Notice } from '../../components/Notice.tsx';
import { call } from '../../lib/session.ts';

/** For the codes that the server sends along; another code, which only somebody else could have written, says nothing. */
const PROBLEMS: Readonly<Record<string, string>> = {
  unavailable: 'Your organisation’s sign-in cannot be reached now. Try again in a moment.',
  expired: 'That sign-in was started too long ago, or was used already. Start it again.',
  denied: 'Your organisation’s sign-in did not let you in, or you cancelled.',
  untrusted:
    'The answer of your organisation’s sign-in could not be trusted. Try again; if it stays so, tell an admin.',
  disabled: 'Your account is disabled. Ask an admin.',
  name_taken: 'Berth has another user of your name already. Ask an admin; nothing was changed.',
  bad_name: 'Your name in your organisation cannot be a user name here. Ask an admin.',
};

/** The way to sign in with the organisation's identity provider, where there is one, and what came of the last try. */
export function OrganisationSignIn() {
  // No query: those are all forgotten at the moment that this page appears.
  const [options, setOptions] = useState<Answer<'signInOptions'> | null>(null);
  useEffect(() => {
    call('signInOptions').then(setOptions, () => undefined); // away: name and password are there, and say so
  }, []);
  const problem = new URLSearchParams(useLocation().search).get('problem') ?? '';
  const words = Object.hasOwn(PROBLEMS, problem) ? PROBLEMS[problem] : undefined;
  if (!options?.oidc) return null;
  return (
    <div className="stack">
      {words && (
        <div role="alert">
          <Notice tone="bad">{words}</Notice>
        </div>
      )}
      <a className="btn btn-plain" href="/api/oidc/start">
        {options.oidc.name}
      </a>
    </div>
  );
}
