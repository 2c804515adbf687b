/** Where and as whom to log in. */
export interface Login {
  readonly machine: string;
  readonly host: string;
  readonly port: number;
  readonly account: string;
  /** As `ssh-ed25519 AAAA…`; null while none is pinned. */
  readonly hostKey: string | null;
}

export function sshCommand({ host, port, account }: Login): string {
  return port === 22 ? `ssh ${account}@${host}` : `ssh -p ${port} ${account}@${host}`;
}

/** A block for ~/.ssh/config; `ssh NAME-OF-THE-MACHINE` then is enough. */
export function sshConfig({ machine, host, port, account }: Login): string {
  return [`Host ${machine}`, `  HostName ${host}`, `  Port ${port}`, `  User ${account}`].join('\n');
}

/** A line for ~/.ssh/known_hosts, so that ssh need not ask; null while no key is pinned. */
export function knownHosts({ host, port, hostKey }: Login): string | null {
  if (hostKey === null) return null;
  return `${port === 22 ? host : `[${host}]:${port}`} ${hostKey}`;
}
