import { createHash, randomUUID } from 'node:crypto';
import { by } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import { DuplicateKey } from '#core/store/failures.ts';
import type { SshKey } from '#core/store/ssh-keys.ts';
import type { Store } from '#core/store/store.ts';
import type { SignedIn } from './signed-in.ts';

export type { SshKey };

/** The public keys that users keep, to be chosen when they reserve. */
export interface SshKeys {
  /** By name. */
  list(caller: SignedIn): Promise<SshKey[]>;
  /** Refusals: invalid_request (no public key), conflict (the name or the key is there already; too many keys). */
  add(caller: SignedIn, name: string, publicKey: string, now: Date): Promise<SshKey>;
  /** Refusals: not_found. */
  remove(caller: SignedIn, id: string, now: Date): Promise<void>;
}

const MOST = 50;

export function createSshKeys(store: Store): SshKeys {
  return {
    list: (caller) => store.tables.sshKeys.ofUser(caller.id),

    async add(caller, name, publicKey, now) {
      const key = {
        id: randomUUID(),
        userId: caller.id,
        name: checkedName(name),
        ...parsed(publicKey),
        createdAt: now,
      };
      try {
        await store.transaction(async (tables) => {
          // The lock keeps two of these from each counting without the other's key.
          if (!(await tables.users.lockById(caller.id))) throw new Refusal('unauthorized', 'the user is gone');
          if ((await tables.sshKeys.ofUser(caller.id)).length >= MOST) {
            throw new Refusal('conflict', `ssh_keys: at most ${MOST} are kept; remove one first`);
          }
          await tables.sshKeys.insert(key);
          await tables.audit.add({
            at: now,
            ...by(caller),
            action: 'user.ssh_key_added',
            subject: caller.name,
            details: { name: key.name, fingerprint: key.fingerprint },
          });
        });
      } catch (error) {
        if (!(error instanceof DuplicateKey)) throw error;
        throw /fingerprint/.test(error.constraint)
          ? new Refusal('conflict', 'public_key: you keep this key already')
          : new Refusal('conflict', `name: you keep a key named "${key.name}" already`);
      }
      return key;
    },

    async remove(caller, id, now) {
      await store.transaction(async (tables) => {
        const key = (await tables.sshKeys.ofUser(caller.id)).find((one) => one.id === id);
        if (!key || !(await tables.sshKeys.remove(caller.id, id))) {
          throw new Refusal('not_found', 'ssh key: you keep no key of that id');
        }
        await tables.audit.add({
          at: now,
          ...by(caller),
          action: 'user.ssh_key_removed',
          subject: caller.name,
          details: { name: key.name, fingerprint: key.fingerprint },
        });
      });
    },
  };
}

function checkedName(name: string): string {
  const trimmed = name.trim();
  if (trimmed === '') throw new Refusal('invalid_request', 'name: it is empty');
  return trimmed;
}

/** @throws Refusal `invalid_request` unless the text is one public key, whose data is of the kind that it says. */
function parsed(text: string): { publicKey: string; fingerprint: string } {
  const [algorithm = '', base64 = '', ...comment] = text.trim().split(/\s+/);
  const blob = Buffer.from(base64, 'base64');
  const named = Buffer.from(algorithm);
  const wellFormed =
    blob.length > 4 + named.length &&
    blob.readUInt32BE(0) === named.length &&
    blob.subarray(4, 4 + named.length).equals(named);
  if (!wellFormed) {
    throw new Refusal(
      'invalid_request',
      'public_key: write it as in the file ~/.ssh/id_ed25519.pub, "ssh-ed25519 AAAA... comment"',
    );
  }
  return {
    publicKey: [algorithm, base64, comment.join(' ')].filter((part) => part !== '').join(' '),
    fingerprint: `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`,
  };
}
