import { expect, it } from 'vitest';
import { knownHosts, sshCommand, sshConfig } from './ssh.ts';

const login = { machine: 'gpu-1', host: '10.0.0.11', port: 22, account: 'alice', hostKey: 'ssh-ed25519 AAAA' };

it('writes what ssh takes, with the port only where it is another one', () => {
  expect(sshCommand(login)).toBe('ssh alice@10.0.0.11');
  expect(sshCommand({ ...login, port: 2222 })).toBe('ssh -p 2222 alice@10.0.0.11');
  expect(knownHosts(login)).toBe('10.0.0.11 ssh-ed25519 AAAA');
  expect(knownHosts({ ...login, port: 2222 })).toBe('[10.0.0.11]:2222 ssh-ed25519 AAAA');
  expect(knownHosts({ ...login, hostKey: null })).toBeNull();
  expect(sshConfig(login)).toBe('Host gpu-1\n  HostName 10.0.0.11\n  Port 22\n  User alice');
});
