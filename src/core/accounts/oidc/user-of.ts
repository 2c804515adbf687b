import { randomUUID } from 'node:crypto';
import type { Role } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import { ADMIN_SCOPES } from '#core/domain/scope.ts';
import { DuplicateKey } from '#core/store/failures.ts';
import type { Store, Tables } from '#core/store/store.ts';
import type { User } from '#core/store/users.ts';
import { revokeAll } from '../api-tokens.ts';
import type { Browser } from '../sessions.ts';
import { checkedUsername } from '../sign-in-rules.ts';
import type { Identity } from './provider.ts';
import { OidcFailure, type OidcSettings } from './settings.ts';

/**
 * The user that an identity is, made at the first sign-in, with the role that the provider's groups give. A local user of
 * the same name is somebody else.
 * @throws OidcFailure `disabled`, `name_taken`, `bad_name`.
 */
export async function userOf(
  store: Store,
  settings: OidcSettings,
  identity: Identity,
  browser: Browser,
  now: Date,
): Promise<User> {
  const role = settings.adminGroup === null ? null : identity.groups.includes(settings.adminGroup) ? 'admin' : 'user';
  const find = () =>
    store.transaction(async (tables) => {
      // As where admins change users: counting first keeps two demotions from missing each other.
      const admins = await tables.users.countActiveAdmins();
      const id = await tables.oidc.userIdOf(identity.issuer, identity.subject);
      const user = id === undefined ? undefined : await tables.users.lockById(id);
      if (!user) return undefined;
      if (user.disabled) throw new OidcFailure('disabled', `${user.username} is disabled`, user.username);
      return role === null || role === user.role ? user : await withRole(tables, user, role, admins, browser, now);
    });
  const found = await find();
  if (found) return found;
  try {
    return await make(store, identity, role ?? 'user', browser, now);
  } catch (error) {
    const taken = error instanceof DuplicateKey || (error instanceof Refusal && error.code === 'conflict');
    if (!taken) throw error;
    // The same person may have come for the first time twice at once.
    const made = await find();
    if (made) return made;
    const name = usernameOf(identity);
    throw new OidcFailure('name_taken', `another user is named ${name}`, name);
  }
}

async function make(store: Store, identity: Identity, role: Role, browser: Browser, now: Date): Promise<User> {
  const user: User = {
    id: randomUUID(),
    username: usernameOf(identity),
    passwordHash: '',
    role,
    disabled: false,
    tokenVersion: 0,
    createdAt: now,
    service: false,
  };
  await store.transaction(async (tables) => {
    await tables.users.insert(user);
    await tables.oidc.bind(identity.issuer, identity.subject, user.id, now);
    await tables.audit.add({
      ...byProvider(user, browser, now),
      action: 'user.created',
      details: { by: 'oidc', role, issuer: identity.issuer },
    });
  });
  return user;
}

/** In small letters, and of a mail address what is before the @: many providers have nothing else for a name. */
function usernameOf({ username }: Identity): string {
  try {
    if (typeof username === 'string') return checkedUsername(username.replace(/@.*$/s, '').toLowerCase());
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  throw new OidcFailure('bad_name', 'the provider names nobody that Berth could name so');
}

/** Ends what was given out to the old role, as a change by an admin does. */
async function withRole(
  tables: Tables,
  user: User,
  role: Role,
  admins: number,
  browser: Browser,
  now: Date,
): Promise<User> {
  const entry = byProvider(user, browser, now);
  if (user.role === 'admin' && admins <= 1) {
    const details = { by: 'oidc', kept: user.role, wanted: role, reason: 'the last admin' };
    await tables.audit.add({ ...entry, action: 'user.role_kept', details });
    return user;
  }
  const tokenVersion = user.tokenVersion + 1;
  await tables.users.update(user.id, { role, tokenVersion });
  await tables.sessions.removeOf(user.id);
  if (user.role === 'admin') {
    const actor = { kind: 'user', id: user.id, name: user.username, role: user.role, origin: entry.origin } as const;
    await revokeAll(tables, actor, user, 'no admin any more', now, ADMIN_SCOPES);
  }
  const { disabled } = user;
  const details = { by: 'oidc', before: { role: user.role, disabled }, after: { role, disabled } };
  await tables.audit.add({ ...entry, action: 'user.updated', details });
  return { ...user, role, tokenVersion };
}

function byProvider({ username }: User, { address }: Browser, now: Date) {
  return {
    at: now,
    actor: username,
    subject: username,
    origin: { address, sessionId: null, apiToken: null },
  };
}
