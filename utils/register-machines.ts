// Registers every machine of a YAML file: node scripts/run.mjs utils/register-machines.ts provision/machines.yml
import type { Client } from '#contract/client.ts';
import { clientFor, serverAddress } from '../src/cli/connect.ts';
import { explain, usage } from '../src/cli/exit.ts';
import { readMachinesFile } from '../src/cli/machines-file.ts';
import { registerMachines } from '../src/cli/register-machines.ts';
import { counted, plain } from '../src/cli/text.ts';

const DEFAULTS = {
  API_BASE: 'https://localhost',
  API_PREFIX: '/api',
  VERIFY_TLS: 'false',
  REWRITE_LOCALHOST: 'true',
  DOCKER_HOST_GATEWAY_NAME: 'host.docker.internal',
  ADMIN_DEFAULT_USERNAME: 'admin',
  ADMIN_DEFAULT_PASSWORD: 'change-me',
} as const;
type Setting = keyof typeof DEFAULTS;

const HELP = `Usage: node utils/register-machines.ts FILE
Registers every machine of the YAML file through the API; may be repeated.
Settings (environment) and what they are otherwise:
${Object.entries(DEFAULTS)
  .map(([name, value]) => `  ${name}=${value}`)
  .join('\n')}`;

try {
  await main(process.argv.slice(2));
} catch (error) {
  const { message, exitCode } = explain(error);
  for (const line of message.split('\n')) console.error(plain(line));
  process.exitCode = exitCode;
}

async function main(words: readonly string[]): Promise<void> {
  const [file] = words;
  if (file === '--help' || file === '-h') return console.log(HELP);
  if (file === undefined || words.length > 1) throw usage(HELP);
  const gateway = yesOrNo('REWRITE_LOCALHOST') ? setting('DOCKER_HOST_GATEWAY_NAME') : null;
  const { machines, problems } = readMachinesFile(file, gateway);
  // Exit code 1, as for machines that the server refuses: the file is at fault, not the words of the command.
  if (problems.length > 0) throw new Error([...problems, 'Nothing was registered.'].join('\n'));

  const client = await signIn();
  console.log(`Registering ${counted(machines.length, 'machine')} with ${setting('API_BASE')} ...`);
  const width = Math.max(...machines.map(({ name }) => name.length));
  const results = await registerMachines(client, machines, ({ name, outcome, detail }, soFar) => {
    const count = `[${String(soFar).padStart(String(machines.length).length)}/${machines.length}]`;
    console.log(plain(`${count} ${name.padEnd(width)}  ${outcome.padEnd(10)}  ${detail}`));
  });
  const counts = (['registered', 'updated', 'unchanged', 'failed'] as const).map(
    (outcome) => `${results.filter((one) => one.outcome === outcome).length} ${outcome}`,
  );
  console.log(counts.join(', '));
  if (results.some(({ outcome }) => outcome === 'failed')) process.exitCode = 1;
}

async function signIn(): Promise<Client> {
  const place = { server: serverAddress(setting('API_BASE')), ca: null, insecure: !yesOrNo('VERIFY_TLS') };
  const prefix = `/${setting('API_PREFIX').replace(/^\/+|\/+$/g, '')}`;
  const body = { username: setting('ADMIN_DEFAULT_USERNAME'), password: setting('ADMIN_DEFAULT_PASSWORD') };
  const { access_token: token } = await clientFor({ ...place, token: null }, prefix).call('login', { body });
  return clientFor({ ...place, token }, prefix);
}

function setting(name: Setting): string {
  return process.env[name] || DEFAULTS[name];
}

function yesOrNo(name: Setting): boolean {
  const text = setting(name).toLowerCase();
  if (/^(true|1|yes|on)$/.test(text)) return true;
  if (/^(false|0|no|off)$/.test(text)) return false;
  throw usage(`${name}: takes true or false, not "${text}"`);
}
