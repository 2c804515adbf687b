import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** Encrypts what must not be readable in the database, its files or its backups. */
export interface Seal {
  /** `v1.<key id>.<nonce>.<tag>.<ciphertext>`, each base64url. `context` is bound to it: opening elsewhere fails. */
  close(plain: string, context: string): string;
  /** @throws Error when the text was altered, belongs to another context, or was sealed with an unknown key. */
  open(sealed: string, context: string): string;
}

/** AES-256-GCM. The key's id is stored with each text, so that several keys can be in use while one replaces another. */
export function createSeal(secretKey: Buffer): Seal {
  if (secretKey.length !== 32) throw new Error('the secret key has 32 bytes');
  const keyId = createHash('sha256').update('berth key id').update(secretKey).digest('base64url').slice(0, 8);
  return {
    close(plain, context) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', secretKey, nonce).setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return ['v1', keyId, ...[nonce, cipher.getAuthTag(), body].map((part) => part.toString('base64url'))].join('.');
    },
    open(sealed, context) {
      const [version, id, nonce, tag, body] = sealed.split('.');
      if (version !== 'v1' || !nonce || !tag || body === undefined) throw new Error('not a sealed text');
      if (id !== keyId) throw new Error(`sealed with another key (${id}); set BERTH_SECRET_KEY to that key`);
      const decipher = createDecipheriv('aes-256-gcm', secretKey, Buffer.from(nonce, 'base64url'), {
        authTagLength: 16,
      })
        .setAAD(Buffer.from(context))
        .setAuthTag(Buffer.from(tag, 'base64url'));
      return Buffer.concat([decipher.update(Buffer.from(body, 'base64url')), decipher.final()]).toString('utf8');
    },
  };
}
