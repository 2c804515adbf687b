import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** What is remembered between the way to the provider and the way back. */
export interface Started {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Seals it for a cookie. Every process with the same secret opens it, so any replica takes the way back. */
export function createStartedSeal(secret: Uint8Array) {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'berth oidc sign-in', 32));
  return {
    seal(started: Started): string {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      const text = Buffer.concat([cipher.update(JSON.stringify(started)), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url');
    },
    /** Null when it was not sealed here, was changed, or is too old. */
    open(sealed: string, now: Date): Started | null {
      const bytes = Buffer.from(sealed, 'base64url');
      if (bytes.length <= NONCE_BYTES + TAG_BYTES) return null;
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
          authTagLength: TAG_BYTES,
        });
        decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
        const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
        const started = JSON.parse(text.toString()) as Started;
        return started.expiresAt > now.getTime() ? started : null;
      } catch {
        return null;
      }
    },
  };
}
