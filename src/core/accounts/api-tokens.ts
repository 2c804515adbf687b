import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { type Actor, by, isAdmin, type Role } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import { ADMIN_SCOPES, SCOPES, type Scope } from '#core/domain/scope.ts';
import type { ApiToken } from '#core/store/api-tokens.ts';
import { DuplicateKey } from '#core/store/failures.ts';
import { sharedRead } from '#core/store/shared-read.ts';
import type { Store, Tables } from '#core/store/store.ts';
import type { User } from '#core/store/users.ts';
import type { SignedIn } from './signed-in.ts';

/**
 * What programs sign in by. A token is shown once, when it is made; only its digest is kept. It is good until it runs out
 * or is revoked, and while its user may sign in. A new password revokes all tokens of the user; losing the admin role
 * revokes those that had a scope for admins.
 */
export interface ApiTokens {
  /** Those of the caller, by name. */
  list(caller: SignedIn): Promise<ApiTokenView[]>;
  /** Refusals: invalid_request, forbidden (a scope for admins), conflict (the name is there; too many tokens). */
  create(caller: SignedIn, token: ApiTokenToCreate, now: Date): Promise<MadeApiToken>;
  /** Refusals: not_found. */
  revoke(caller: SignedIn, id: string, now: Date): Promise<void>;
  /** The same, by admins, for any user; made are they only for service accounts. Refusals: the same, and not_found. */
  listOf(actor: Actor, username: string): Promise<ApiTokenView[]>;
  createFor(actor: Actor, username: string, token: ApiTokenToCreate, now: Date): Promise<MadeApiToken>;
  revokeOf(actor: Actor, username: string, id: string, now: Date): Promise<void>;
}

export interface ApiTokenToCreate {
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** 1 to 366. */
  readonly expiresInDays: number;
}

export interface ApiTokenView {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** To the minute; null: never yet. */
  readonly lastUsedAt: Date | null;
}

export interface MadeApiToken extends ApiTokenView {
  readonly token: string;
}

/** Lets secret scanners, and Berth itself, know one by its looks. */
const PREFIX = 'berth_';
const FORM = /^berth_[A-Za-z0-9_-]{43}$/;
const MOST = 50;
const LONGEST_DAYS = 366;
const DAY_MS = 24 * 3600 * 1000;
const USE_EVERY_MS = 60_000;

export function isApiToken(token: string): boolean {
  return token.startsWith(PREFIX);
}

/** It has 256 random bits, so one round of SHA-256 is enough. */
const digestOf = (token: string): string => createHash('sha256').update(token).digest('hex');

export function createApiTokens(store: Store): ApiTokens {
  return {
    list: async (caller) => (await store.tables.apiTokens.ofUser(caller.id)).map(view),
    create: (caller, given, now) =>
      create(store, caller, given, now, async (tables) => {
        const user = await tables.users.lockById(caller.id);
        if (!user) throw new Refusal('unauthorized', 'the user is gone');
        return user;
      }),
    revoke: (caller, id, now) => revoke(store, caller, { id: caller.id, username: caller.name }, id, now),

    async listOf(actor, username) {
      adminsOnly(actor);
      const user = named(username, await store.tables.users.byName(username));
      return (await store.tables.apiTokens.ofUser(user.id)).map(view);
    },
    async createFor(actor, username, given, now) {
      adminsOnly(actor);
      return await create(store, actor, given, now, async (tables) => {
        const { id, service } = named(username, await tables.users.byName(username));
        if (!service) {
          throw new Refusal('conflict', `username: ${username} is no service account; people make their own tokens`);
        }
        return named(username, await tables.users.lockById(id));
      });
    },
    async revokeOf(actor, username, id, now) {
      adminsOnly(actor);
      await revoke(store, actor, named(username, await store.tables.users.byName(username)), id, now);
    },
  };
}

async function create(
  store: Store,
  actor: Actor,
  given: ApiTokenToCreate,
  now: Date,
  owner: (tables: Tables) => Promise<User>,
): Promise<MadeApiToken> {
  const { name, scopes, expiresInDays } = checked(given);
  const secret = PREFIX + randomBytes(32).toString('base64url');
  try {
    return await store.transaction(async (tables) => {
      // The lock keeps two of these from each counting without the other's token.
      const user = await owner(tables);
      checkScopes(scopes, user.role);
      // On a cluster a lock is not enough to keep a new password, or another role, from missing this token.
      await tables.users.raiseVersion(user.id);
      await tables.apiTokens.removeExpired(user.id, now);
      if ((await tables.apiTokens.ofUser(user.id)).length >= MOST) {
        throw new Refusal('conflict', `tokens: at most ${MOST} are kept; revoke one first`);
      }
      const token: ApiToken = {
        id: randomUUID(),
        userId: user.id,
        name,
        hash: digestOf(secret),
        scopes,
        createdAt: now,
        expiresAt: new Date(now.getTime() + expiresInDays * DAY_MS),
        lastUsedAt: null,
      };
      await tables.apiTokens.insert(token);
      await tables.audit.add({
        at: now,
        ...by(actor),
        action: 'token.created',
        subject: user.username,
        details: described(token),
      });
      return { ...view(token), token: secret };
    });
  } catch (error) {
    if (!(error instanceof DuplicateKey)) throw error;
    throw new Refusal(
      'conflict',
      `name: there is a token named "${name}" already; revoke it first, or take another name`,
    );
  }
}

async function revoke(
  store: Store,
  actor: Actor,
  owner: { readonly id: string; readonly username: string },
  id: string,
  now: Date,
): Promise<void> {
  await store.transaction(async (tables) => {
    const token = (await tables.apiTokens.ofUser(owner.id)).find((one) => one.id === id);
    if (!token || !(await tables.apiTokens.remove(id))) {
      throw new Refusal('not_found', `token: ${owner.username} has no token of that id`);
    }
    await writeRevoked(tables, actor, owner.username, token, now);
  });
}

/** Within a transaction: ends all tokens of a user, or those with one of these scopes. */
export async function revokeAll(
  tables: Tables,
  actor: Actor,
  owner: User,
  because: string,
  now: Date,
  withScopes?: ReadonlySet<Scope>,
): Promise<void> {
  for (const token of await tables.apiTokens.ofUser(owner.id)) {
    if (withScopes && !token.scopes.some((scope) => withScopes.has(scope))) continue;
    if (await tables.apiTokens.remove(token.id)) await writeRevoked(tables, actor, owner.username, token, now, because);
  }
}

async function writeRevoked(
  tables: Tables,
  actor: Actor,
  username: string,
  token: ApiToken,
  now: Date,
  because?: string,
): Promise<void> {
  await tables.audit.add({
    at: now,
    ...by(actor),
    action: 'token.revoked',
    subject: username,
    details: { ...described(token), ...(because !== undefined && { because }) },
  });
}

/**
 * Finds who a token stands for. Its use is written down at most once a minute, and no request waits for that.
 * Throws a Refusal `unauthorized`.
 */
export function createApiTokenCheck(store: Store): (token: string, now: Date) => Promise<SignedIn> {
  const byHash = sharedRead((hash: string) => store.tables.apiTokens.byHash(hash));
  const writing = new Set<string>();

  const writeUse = async (id: string, now: Date): Promise<void> => {
    writing.add(id);
    try {
      await store.tables.apiTokens.used(id, now, new Date(now.getTime() - USE_EVERY_MS));
    } catch {
      // A later request writes it.
    } finally {
      writing.delete(id);
    }
  };

  return async (token, now) => {
    const found = FORM.test(token) ? await byHash(digestOf(token)) : undefined;
    if (!found || found.expiresAt <= now || found.owner.disabled) {
      throw new Refusal('unauthorized', 'the API token is not valid, has run out or was revoked');
    }
    const { id, name, scopes, expiresAt, lastUsedAt, userId, owner } = found;
    const written = lastUsedAt !== null && now.getTime() - lastUsedAt.getTime() < USE_EVERY_MS;
    if (!written && !writing.has(id)) void writeUse(id, now);
    return {
      kind: 'user',
      id: userId,
      name: owner.username,
      role: owner.role,
      sessionId: null,
      tokenVersion: owner.tokenVersion,
      apiToken: { id, name, scopes, expiresAt },
    };
  };
}

function checked({ name, scopes, expiresInDays }: ApiTokenToCreate): ApiTokenToCreate {
  const trimmed = name.trim();
  if (trimmed === '') throw new Refusal('invalid_request', 'name: it is empty');
  const known = SCOPES.filter((scope) => scopes.includes(scope));
  if (known.length === 0 || scopes.some((scope) => !SCOPES.includes(scope))) {
    throw new Refusal('invalid_request', `scopes: give at least one of ${SCOPES.join(', ')}`);
  }
  if (!Number.isInteger(expiresInDays) || expiresInDays < 1 || expiresInDays > LONGEST_DAYS) {
    throw new Refusal('invalid_request', `expires_in_days: 1 to ${LONGEST_DAYS} days`);
  }
  return { name: trimmed, scopes: known, expiresInDays };
}

function checkScopes(scopes: readonly Scope[], role: Role): void {
  const tooMuch = scopes.find((scope) => ADMIN_SCOPES.has(scope));
  if (tooMuch !== undefined && role !== 'admin') {
    throw new Refusal('forbidden', `scopes: only a token of an admin can have the scope "${tooMuch}"`);
  }
}

function view({ id, name, scopes, createdAt, expiresAt, lastUsedAt }: ApiToken): ApiTokenView {
  return { id, name, scopes, createdAt, expiresAt, lastUsedAt };
}

function described({ id, name, scopes, expiresAt }: ApiToken): Record<string, unknown> {
  return { token: id, name, scopes, expires_at: expiresAt.toISOString() };
}

function named(username: string, user: User | undefined): User {
  if (!user) throw new Refusal('not_found', `username: there is no user named "${username}"`);
  return user;
}

function adminsOnly(actor: Actor): void {
  if (!isAdmin(actor)) throw new Refusal('forbidden', 'only an admin may see and change the tokens of others');
}
