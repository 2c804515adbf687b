import { createHash } from 'node:crypto';
import { Refusal } from '#core/domain/refusal.ts';

/** `SHA256:...`, as `ssh-keygen -l` prints it, of a key written `algorithm base64`. */
export function hostKeyFingerprint(hostKey: string): string {
  const blob = Buffer.from(hostKey.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** @throws Refusal `invalid_request` unless the text is a public host key written `algorithm base64`. */
export function checkedHostKey(text: string): string {
  const [algorithm = '', base64 = ''] = text.trim().split(/\s+/);
  const blob = Buffer.from(base64, 'base64');
  const named = Buffer.from(algorithm);
  const wellFormed =
    /^[a-z0-9@.-]{1,64}$/.test(algorithm) &&
    blob.length > 4 + named.length &&
    blob.readUInt32BE(0) === named.length &&
    blob.subarray(4, 4 + named.length).equals(named);
  if (!wellFormed) {
    throw new Refusal(
      'invalid_request',
      'host_key: write the public host key as "ssh-ed25519 AAAA..." (ssh-keyscan prints it)',
    );
  }
  return `${algorithm} ${base64}`;
}
