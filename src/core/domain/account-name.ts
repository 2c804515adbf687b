import { Refusal } from './refusal.ts';

/** What Linux account (and Berth user) names look like: `useradd`'s own default rule. */
export const ACCOUNT_NAME = /^[a-z_][a-z0-9_-]{0,31}$/;

/** Accounts that Debian, Alpine, Fedora and their common packages own. Berth never makes or removes one of them. */
const SYSTEM_ACCOUNTS = new Set(
  `root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody _apt adm shutdown
  halt operator ftp postmaster cron at ntp smmsp guest sshd ssh dbus messagebus polkitd postgres mysql redis nginx
  apache docker squid xfs vpopmail cyrus svn named utmp klog dnsmasq avahi rpc rpcuser nfsnobody tcpdump chrony
  systemd-network systemd-resolve systemd-timesync systemd-coredump systemd-oom syslog uuidd landscape tss pollinate
  lxd ubuntu debian alpine ec2-user vagrant pi ansible berth sudo wheel admins nogroup`.split(/\s+/),
);

/**
 * The name, if an account of it may be made on a machine.
 * @throws Refusal `account_name_refused` for malformed names, `root` and system accounts.
 */
export function checkedAccountName(name: string): string {
  if (!ACCOUNT_NAME.test(name)) {
    throw new Refusal(
      'account_name_refused',
      'username: an account name has 1 to 32 characters, starts with a-z or _, and goes on with a-z, 0-9, _ or -',
    );
  }
  if (SYSTEM_ACCOUNTS.has(name) || name.startsWith('systemd-')) {
    throw new Refusal('account_name_refused', `username: "${name}" is a system account; choose another account name`);
  }
  return name;
}
