import ssh2 from 'ssh2';
import type { AccessError, MachineAccess } from '#core/access/driver.ts';
import { accessError } from '../ssh/failures.ts';
import type { Variables } from './inventory.ts';

// What the SSH program gets in its arguments has to be a plain word: it must not pass for an option, or for two.
const HOST = /^[A-Za-z0-9:][A-Za-z0-9._:-]*$/;
const USER = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const HOST_KEY = /^((?:ssh|ecdsa)-[a-z0-9-]+) [A-Za-z0-9+/]+=*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;

/** How the SSH program behaves for all machines: no file of the user or the host changes it, and no key but the pinned one will do. */
export const SSH_ARGUMENTS = [
  ['-F', 'none'],
  ...[
    'StrictHostKeyChecking=yes',
    'UserKnownHostsFile=known_hosts',
    'GlobalKnownHostsFile=none',
    'UpdateHostKeys=no',
    'VerifyHostKeyDNS=no',
    // A kept connection would outlive the run.
    'ControlMaster=no',
    'ControlPath=none',
    'IdentityAgent=none',
    'IdentitiesOnly=yes',
    'ForwardAgent=no',
    'ClearAllForwardings=yes',
    'ServerAliveInterval=5',
    'ServerAliveCountMax=3',
    'LogLevel=ERROR',
  ].map((option) => ['-o', option]),
]
  .flat()
  .join(' ');

/** Why this machine cannot be given to the SSH program, or null. */
export function unfitLogin(machine: MachineAccess): AccessError | null {
  const { credential } = machine;
  if (!HOST.test(machine.host)) return accessError('unreachable', machine, 'its host is no host name or address');
  if (!USER.test(machine.user)) return accessError('login_refused', machine, 'its login user is no plain user name');
  if (credential.kind === 'password' && CONTROL.test(credential.password)) {
    return accessError('login_refused', machine, 'its password holds a line break or another control character');
  }
  if (credential.kind === 'private_key' && ssh2.utils.parseKey(credential.privateKey) instanceof Error) {
    return accessError('login_refused', machine, 'the private key cannot be read');
  }
  return null;
}

/** What leads to the machine at `address` whose key is `hostKey`: variables of the inventory, its line of known_hosts and its key file. */
export function loginOf(
  alias: string,
  machine: MachineAccess,
  address: string,
  hostKey: string,
): { variables: Variables; knownHost: string; keyFile: string | null } {
  const [, kind = ''] = HOST_KEY.exec(hostKey) ?? [];
  if (kind === '') throw accessError('unreachable', machine, 'it shows a host key of an unknown kind');
  const algorithms = kind === 'ssh-rsa' ? 'rsa-sha2-512,rsa-sha2-256' : kind;
  const { credential } = machine;
  const ways =
    credential.kind === 'password'
      ? 'PreferredAuthentications=password,keyboard-interactive -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1'
      : 'PreferredAuthentications=publickey -o BatchMode=yes';
  return {
    variables: {
      ansible_connection: 'ssh',
      ansible_host: address,
      ansible_port: machine.port,
      ansible_user: machine.user,
      // The line of known_hosts bears the alias: host names and ports do not come into it.
      ansible_ssh_common_args: `-o HostKeyAlias=${alias} -o HostKeyAlgorithms=${algorithms} -o ${ways}`,
      ...(credential.kind === 'password'
        ? { ansible_password: credential.password, ansible_ssh_password_mechanism: 'sshpass' }
        : { ansible_ssh_private_key_file: `${alias}.key` }),
    },
    knownHost: `${alias} ${hostKey}\n`,
    // OpenSSH does not read a key without a line break at its end.
    keyFile: credential.kind === 'private_key' ? `${credential.privateKey.replace(/\r\n?/g, '\n').trim()}\n` : null,
  };
}
