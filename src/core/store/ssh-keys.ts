import type { Kysely } from 'kysely';
import type { Schema, SshKeyRow } from './schema.ts';

/** A public key that a user keeps for reservations. */
export interface SshKey {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  /** As in an authorized_keys file, without options. */
  readonly publicKey: string;
  /** `SHA256:...` as ssh-keygen prints it. */
  readonly fingerprint: string;
  readonly createdAt: Date;
}

export type SshKeys = ReturnType<typeof sshKeysTable>;

export function sshKeysTable(db: Kysely<Schema>) {
  return {
    /** By name. */
    async ofUser(userId: string): Promise<SshKey[]> {
      const rows = await db.selectFrom('ssh_keys').selectAll().where('user_id', '=', userId).orderBy('name').execute();
      return rows.map(fromRow);
    },
    /** @throws DuplicateKey when the user has a key of that name, or that very key. */
    async insert(key: SshKey): Promise<void> {
      await db
        .insertInto('ssh_keys')
        .values({
          id: key.id,
          user_id: key.userId,
          name: key.name,
          public_key: key.publicKey,
          fingerprint: key.fingerprint,
          created_at: key.createdAt.getTime(),
        })
        .execute();
    },
    /** Removes a key of that user; says whether it was there. */
    async remove(userId: string, id: string): Promise<boolean> {
      const result = await db
        .deleteFrom('ssh_keys')
        .where('id', '=', id)
        .where('user_id', '=', userId)
        .executeTakeFirst();
      return result.numDeletedRows > 0n;
    },
    async removeOf(userId: string): Promise<void> {
      await db.deleteFrom('ssh_keys').where('user_id', '=', userId).execute();
    },
  };
}

function fromRow(row: SshKeyRow): SshKey {
  return {
    id: row.id,
    userId: row.user_id,
    name: row.name,
    publicKey: row.public_key,
    fingerprint: row.fingerprint,
    createdAt: new Date(row.created_at),
  };
}
