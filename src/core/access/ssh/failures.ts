import { AccessError, type AccessFailure, type MachineAccess } from '#core/access/driver.ts';

/** What to do about each failure: one sentence for the person who looks after the machine. */
const MEND: Record<AccessFailure, string> = {
  unreachable:
    'Check that the machine is running, that its SSH server listens on this host and port, and the network between.',
  not_allowed:
    'Register the machine at an address that may be reached, or have the operator add its network to BERTH_MACHINE_NETWORKS.',
  timed_out: 'Check the load and the network of the machine; it is tried again by itself.',
  host_key_changed:
    'Compare the offered key with the machine itself; accept it only if the machine was installed anew, because otherwise somebody else is answering in its place.',
  login_refused: 'Check the login user and its password or private key, and that the SSH server lets this user log in.',
  no_root: 'Log in as root, or give the login user sudo without a password (user ALL=(ALL) NOPASSWD: ALL).',
  tool_missing: 'Install what is missing on the machine and let it be checked again.',
  disk_full: 'Make room on the disk of the machine and let it be checked again.',
  account_exists:
    'Choose another account name, or remove the account, group or home of that name from the machine by hand.',
  in_use:
    'Another machine of the pool may be this same one under another name or address, or another Berth lends it too: let only one do so, or release what is lent there.',
  fenced_off: 'Nothing needs to be done: the allocation had ended before its account was made.',
  still_dirty: 'Remove by hand what is left over; the removal is tried again by itself.',
  busy: 'Close one of the terminals on it first.',
  bad_answer: 'Log in to the machine as the login user and see what it prints or which files it cannot write.',
};

/** An AccessError about a machine, with the usual advice. What the machine printed is made harmless by the caller. */
export function accessError(code: AccessFailure, machine: MachineAccess, words: string): AccessError {
  return new AccessError(code, `${machine.name}: ${words}`, MEND[code]);
}

/** The machine answered with another host key than the pinned one. */
export function hostKeyChanged(machine: MachineAccess, offered: string): AccessError {
  return new AccessError(
    'host_key_changed',
    `${machine.name}: the machine shows another host key than the one that is pinned`,
    MEND.host_key_changed,
    offered,
  );
}

/** A connection ended under a call. On a kept connection it may only mean that the machine was restarted since. */
export class ConnectionDropped extends AccessError {
  constructor(machine: MachineAccess) {
    super('unreachable', `${machine.name}: the connection was lost in the middle of a call`, MEND.unreachable);
  }
}

/**
 * The server opened no session for a call, so nothing was started. It can be out of sessions (OpenSSH's MaxSessions) or
 * of processes; and Dropbear 2022.82 to 2024.85 at times closes a session that is just being opened when another one of
 * the connection ends (https://github.com/mkj/dropbear/pull/326).
 */
export class SessionRefused extends AccessError {
  constructor(machine: MachineAccess) {
    super('unreachable', `${machine.name}: its SSH server opens no session`, MEND.unreachable);
  }
}

/** What a machine printed, fit to be shown: printable ASCII on one line, at most `longest` characters. */
export function printable(text: string, longest = 200): string {
  const clean = text
    .slice(0, longest * 4)
    .replace(/\s+/g, ' ')
    .replace(/[^\x20-\x7e]/g, '?')
    .trim();
  return clean.length <= longest ? clean : `${clean.slice(0, longest - 3)}...`;
}

/** The command ended, but not with an answer. */
export function unanswered(machine: MachineAccess, errors: string): Error {
  const words = printable(errors);
  if (machine.user !== 'root' && /sudo|not found|password is required/i.test(words)) {
    return accessError('no_root', machine, `the login user has no sudo without a password (${words})`);
  }
  return accessError('bad_answer', machine, `the script did not finish${words === '' ? '' : ` (${words})`}`);
}
