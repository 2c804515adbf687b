import { CallFailure, type Client } from '#contract/client.ts';
import type { Answer, Part } from '#contract/routes.ts';
import { command, type Program } from '../command.ts';
import { clientFor, connect, findPlace, serverAddress } from '../connect.ts';
import { usage } from '../exit.ts';
import { readLogin, removeLogin, writeLogin } from '../login-file.ts';
import { ask, askSecret, print, printJson, readInput, say } from '../terminal.ts';
import { plain } from '../text.ts';

const NEEDS_SERVER = 'say which server: --server URL, or BERTH_SERVER';
const NEEDS_USER = 'say who you are: --user NAME (and --password-stdin), or --token-stdin';
const NEEDS_CODE =
  'the second factor is on: give its code, or a recovery code, on the line after the password on standard input';
const NEEDS_PASSWORD = 'nobody can be asked here; give the password with --password-stdin';

export function add(program: Program): void {
  program.addCommand(
    command('login', 'Sign in to a server; keeps the token, never the password')
      .option('-u, --user <name>', 'who you are')
      .option('--password-stdin', 'read the password from standard input; on the next line the code of a second factor')
      .option('--token-stdin', 'read a token from standard input instead of signing in with a password')
      .action(signIn),
  );
  program.addCommand(
    command('logout', 'Forget the token').action(({ json }) => {
      const forgotten = removeLogin();
      if (json) printJson({ forgotten });
      else print(forgotten ? 'Signed out.' : 'Nobody was signed in.');
    }),
  );
  program.addCommand(
    command('whoami', 'Show who you are, and where').action(async (options) => {
      const { server } = await findPlace(options);
      const answer = await (await connect(options)).call('whoami');
      if (options.json) printJson({ ...answer, server });
      else print(plain(`${answer.user}${inBrackets(answer)} on ${server}`));
    }),
  );
}

function inBrackets({ roles, api_token: token }: Answer<'whoami'>): string {
  const words = [...roles, ...(token ? [`API token ${token.name}: ${token.scopes.join(', ')}`] : [])];
  return words.length > 0 ? ` (${words.join('; ')})` : '';
}

interface LoginOptions {
  readonly json?: true;
  readonly server?: string;
  readonly ca?: string;
  readonly insecure?: true;
  readonly user?: string;
  readonly passwordStdin?: true;
  readonly tokenStdin?: true;
}

async function signIn(options: LoginOptions): Promise<void> {
  if (options.passwordStdin && options.tokenStdin) throw usage('give --password-stdin or --token-stdin, not both');
  if (options.ca !== undefined && options.insecure) throw usage('give --ca or --insecure, not both');
  const server = serverAddress(
    (options.server ?? process.env['BERTH_SERVER']) || (readLogin()?.server ?? (await ask('Server', NEEDS_SERVER))),
  );
  const { ca, insecure } = await findPlace({ ...options, server });
  warnAbout(server, insecure);
  const { token, expiresAt } = options.tokenStdin
    ? { token: await readInput('--token-stdin'), expiresAt: null }
    : await tokenForPassword(options, { server, ca, insecure });
  if (!/^[!-~]+$/.test(token)) throw usage('--token-stdin: a token is one word without spaces');

  const { user, roles, api_token: apiToken } = await clientFor({ server, token, ca, insecure }).call('whoami');
  const goodUntil = apiToken?.expires_at ?? expiresAt;
  const file = writeLogin({ server, token, user, expires_at: goodUntil, ca, insecure });
  if (process.env['BERTH_TOKEN']) say('Warning: BERTH_TOKEN is set and goes before this sign-in.');
  if (options.json) printJson({ server, user, roles, expires_at: goodUntil, file });
  else print(plain(`Signed in to ${server} as ${user}${goodUntil === null ? '' : ` until ${goodUntil}`}.`));
}

async function tokenForPassword(
  options: LoginOptions,
  place: { server: string; ca: string | null; insecure: boolean },
): Promise<{ token: string; expiresAt: string }> {
  const username = options.user ?? (await ask('User', NEEDS_USER, readLogin()?.user));
  const [password = '', code] = options.passwordStdin
    ? (await readInput('--password-stdin')).split(/\r?\n/)
    : [await askSecret(`Password of ${username}`, NEEDS_PASSWORD)];
  const answer = await signInWith(clientFor({ ...place, token: null }), { username, password, ...(code && { code }) });
  return {
    token: answer.access_token,
    expiresAt: new Date(Date.now() + answer.expires_in * 1000).toISOString(),
  };
}

/** Asks for a code when the server does. */
async function signInWith(client: Client, body: Part<'login', 'body'>): Promise<Answer<'login'>> {
  try {
    return await client.call('login', { body });
  } catch (error) {
    if (!(error instanceof CallFailure && error.error === 'second_factor_needed')) throw error;
    const code = await ask('Code of your authenticator app, or a recovery code', NEEDS_CODE);
    return await client.call('login', { body: { ...body, code } });
  }
}

function warnAbout(server: string, insecure: boolean): void {
  const { protocol, hostname } = new URL(server);
  if (protocol === 'http:' && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname)) {
    say('Warning: http:// is not encrypted; anybody on the way can read the password and the token.');
  }
  if (insecure && protocol === 'https:') {
    say('Warning: the certificate is not checked, now and later; anybody on the way can listen. Prefer --ca FILE.');
  }
}
