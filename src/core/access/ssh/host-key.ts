import type { Algorithms, ServerHostKeyAlgorithm } from 'ssh2';
import { printable } from './failures.ts';

const HOST_KEY_ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/** A host key as `algorithm base64`. */
export function hostKeyText(key: Buffer): string {
  const length = key.length >= 4 ? key.readUInt32BE(0) : 0;
  return `${printable(key.subarray(4, 4 + length).toString('latin1'), 64)} ${key.toString('base64')}`;
}

/**
 * Algorithms for a connection. Of host keys all, that of the pinned one first: a machine has several keys, and only one of
 * them is pinned. No compression: a small packet could become a huge one here.
 */
export function algorithmsFor(hostKey: string | null): Algorithms {
  const kind = hostKey?.split(' ')[0] ?? '';
  const isPinned = (name: string) => name === kind || (kind === 'ssh-rsa' && name.startsWith('rsa-'));
  return {
    serverHostKey: [...HOST_KEY_ALGORITHMS.filter(isPinned), ...HOST_KEY_ALGORITHMS.filter((name) => !isPinned(name))],
    compress: ['none'],
  };
}
