import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** Encrypts what must not be readable in the database, its files or its backups. */
export interface Seal {
  /** Of the key that texts are closed with; see `keyIdOf`. */
  readonly keyId: string;
  /** `v1.<key id>.<nonce>.<tag>.<ciphertext>`, each base64url. `context` is bound to it: opening elsewhere fails. */
  close(plain: string, context: string): string;
  /** @throws Error when the text was altered, belongs to another context, or was sealed with an unknown key. */
  open(sealed: string, context: string): string;
}

/**
 * AES-256-GCM. The key's id is stored with each text, so that several keys can be in use while one replaces another: texts
 * are closed with `secretKey` and opened with whichever of the keys they were closed with.
 */
export function createSeal(secretKey: Buffer, oldKeys: readonly Buffer[] = []): Seal {
  const keyId = sealKeyId(secretKey);
  const keys = new Map([...oldKeys, secretKey].map((key) => [sealKeyId(key), key]));
  return {
    keyId,
    close(plain, context) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', secretKey, nonce).setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return ['v1', keyId, ...[nonce, cipher.getAuthTag(), body].map((part) => part.toString('base64url'))].join('.');
    },
    open(sealed, context) {
      const [version, id, nonce, tag, body] = sealed.split('.');
      if (version !== 'v1' || !id || !nonce || !tag || body === undefined) throw new Error('not a sealed text');
      const key = keys.get(id);
      if (!key) throw new Error(`sealed with another key (${id}); set BERTH_SECRET_KEY to that key`);
      const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64url'), { authTagLength: 16 })
        .setAAD(Buffer.from(context))
        .setAuthTag(Buffer.from(tag, 'base64url'));
      return Buffer.concat([decipher.update(Buffer.from(body, 'base64url')), decipher.final()]).toString('utf8');
    },
  };
}

/** Names a key without telling it: 8 letters that every text which was closed with it bears. */
export function sealKeyId(secretKey: Buffer): string {
  if (secretKey.length !== 32) throw new Error('the secret key has 32 bytes');
  return createHash('sha256').update('berth key id').update(secretKey).digest('base64url').slice(0, 8);
}

/** The id of the key that a text was closed with; empty for what is no sealed text. */
export function keyIdOf(sealed: string): string {
  return /^v1\.([\w-]{8})\./.exec(sealed)?.[1] ?? '';
}
