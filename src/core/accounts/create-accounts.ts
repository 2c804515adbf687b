import { randomUUID } from 'node:crypto';
import { type Actor, by, isAdmin } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import { ADMIN_SCOPES } from '#core/domain/scope.ts';
import { sharedRead } from '#core/store/shared-read.ts';
import type { Store, Tables } from '#core/store/store.ts';
import type { User } from '#core/store/users.ts';
import type { Accounts, UserChanges, UserToCreate, UserView } from './accounts.ts';
import { createApiTokenCheck, createApiTokens, isApiToken, revokeAll } from './api-tokens.ts';
import { createOidcSignIn, type OnOidcProblem } from './oidc/oidc-sign-in.ts';
import type { OidcSettings } from './oidc/settings.ts';
import { checkNewPassword, type PasswordRules, passwordProblem } from './password-rules.ts';
import { hashPassword, passwordFits } from './passwords.ts';
import { createProfile } from './profile.ts';
import { createRefusedSignIns } from './refused-sign-ins.ts';
import { createSecondFactor } from './second-factor.ts';
import { createSessions } from './sessions.ts';
import { signIn } from './sign-in.ts';
import { checkedUsername, SHIPPED_PASSWORD } from './sign-in-rules.ts';
import { createSshKeys } from './ssh-keys.ts';
import { createThrottle } from './throttle.ts';
import { createTokens, type TokenKeys } from './tokens.ts';

/** Accounts over a store; tokens are signed with `keys`, and new passwords follow `rules`. `oidc`: null for none. */
export function createAccounts(
  store: Store,
  keys: TokenKeys,
  rules: PasswordRules,
  oidc: { settings: OidcSettings; onProblem: OnOidcProblem } | null = null,
): Accounts {
  const tokens = createTokens(keys);
  const byApiToken = createApiTokenCheck(store);
  const throttle = createThrottle(store);
  const refusedSignIns = createRefusedSignIns(store);
  const userById = sharedRead((id: string) => store.tables.users.byId(id));
  const sessionById = sharedRead((id: string) => store.tables.sessions.byId(id));
  const sessions = createSessions(store, tokens, keys, rules);
  return {
    sessions,
    oidc: oidc && createOidcSignIn(store, { sessions, refusedSignIns }, keys.secret, oidc.settings, oidc.onProblem),
    profile: createProfile(store, rules),
    sshKeys: createSshKeys(store),
    apiTokens: createApiTokens(store),
    secondFactor: createSecondFactor(store),
    throttle: {
      guard: (address, username, now, work, shows) =>
        refusedSignIns.watch(address, username, now, () => throttle.guard(address, username, now, work, shows)),
    },
    refusedSignIns,
    seedAdmin: (username, password, now) => seedAdmin(store, rules, username, password, now),

    async opensWithShippedPassword(username) {
      const user = await store.tables.users.byName(username);
      return user !== undefined && !user.disabled && (await passwordFits(user.passwordHash, SHIPPED_PASSWORD));
    },

    async login(username, password, now, address, code) {
      const origin = address === undefined ? null : { address, sessionId: null, apiToken: null };
      const user = await signIn(store, rules, { username, password, code }, now, origin);
      const token = await tokens.issue({ userId: user.id, version: user.tokenVersion, sessionId: null }, now);
      await store.tables.audit.add({
        at: now,
        actor: user.username,
        action: 'user.signed_in',
        subject: user.username,
        details: {},
        origin,
      });
      return { token, expiresInSeconds: keys.expiresMinutes * 60 };
    },

    async authenticate(token, now) {
      if (isApiToken(token)) return await byApiToken(token, now);
      const { userId, version, sessionId } = await tokens.read(token, now);
      const [user, session] = await Promise.all([
        userById(userId),
        sessionId === null ? undefined : sessionById(sessionId),
      ]);
      const sessionGone = sessionId !== null && session?.userId !== userId;
      if (!user || user.disabled || user.tokenVersion !== version || sessionGone) {
        throw new Refusal('unauthorized', 'the token is not valid any more; sign in again');
      }
      return {
        kind: 'user',
        id: user.id,
        name: user.username,
        role: user.role,
        sessionId,
        tokenVersion: user.tokenVersion,
        apiToken: null,
      };
    },

    async stillSignedIn({ userId, sessionId, tokenVersion }) {
      const [user, session] = await Promise.all([
        userById(userId),
        sessionId === null ? undefined : sessionById(sessionId),
      ]);
      if (!user || user.disabled) return false;
      // A session may have been carried over to a new password.
      return sessionId === null
        ? user.tokenVersion === tokenVersion
        : session?.userId === userId && session.tokenVersion === user.tokenVersion;
    },

    createUser: (actor, user, now) => createUser(store, rules, actor, user, now),
    async listUsers() {
      const { users, secondFactors } = store.tables;
      const [found, withIt] = await Promise.all([users.list(), secondFactors.usersWithIt()]);
      return found.map((user) => view(user, withIt.has(user.id)));
    },
    async getUser(username) {
      const user = existing(username, await store.tables.users.byName(username));
      return view(user, await store.tables.secondFactors.isOn(user.id));
    },
    updateUser: (actor, username, changes, now) => updateUser(store, rules, actor, username, changes, now),
    deleteUser: (actor, username, now) => deleteUser(store, actor, username, now),
  };
}

async function seedAdmin(
  store: Store,
  rules: PasswordRules,
  username: string,
  password: string,
  now: Date,
): Promise<void> {
  if ((await store.tables.users.count()) > 0) return;
  const user = await newUser(rules, { username, password, role: 'admin' }, now);
  try {
    await store.transaction(async (tables) => {
      if ((await tables.users.count()) > 0) return;
      await tables.users.insert(user);
      await tables.weakPasswords.set(user.id, passwordProblem(rules, password, username) !== null);
      await tables.audit.add({
        at: now,
        actor: 'setup',
        action: 'user.created',
        subject: username,
        details: { role: 'admin' },
      });
    });
  } catch (error) {
    // Another process that starts at the same moment has made it.
    if (!(error instanceof Refusal && error.code === 'conflict')) throw error;
  }
}

async function createUser(
  store: Store,
  rules: PasswordRules,
  actor: Actor,
  given: UserToCreate,
  now: Date,
): Promise<UserView> {
  adminsOnly(actor);
  const user = await newUser(rules, given, now);
  await store.transaction(async (tables) => {
    await tables.users.insert(user);
    const { password, username } = given;
    await tables.weakPasswords.set(user.id, password !== null && passwordProblem(rules, password, username) !== null);
    await tables.audit.add({
      at: now,
      ...by(actor),
      action: 'user.created',
      subject: user.username,
      details: { role: user.role, ...(user.service && { service: true }) },
    });
  });
  return view(user, false);
}

async function updateUser(
  store: Store,
  rules: PasswordRules,
  actor: Actor,
  username: string,
  changes: UserChanges,
  now: Date,
): Promise<UserView> {
  adminsOnly(actor);
  if (Object.values(changes).every((value) => value === undefined)) {
    throw new Refusal('invalid_request', 'body: name at least one thing to change');
  }
  const { password } = changes;
  if (password !== undefined) checkNewPassword(rules, password, username);
  const passwordHash = password === undefined ? undefined : await hashPassword(password);
  return await store.transaction(async (tables) => {
    // Counting first locks the admins, so that two of them cannot demote each other at the same moment.
    const admins = await tables.users.countActiveAdmins();
    const user = existing(username, await tables.users.byName(username));
    if (user.service && passwordHash !== undefined) {
      throw new Refusal(
        'invalid_request',
        `password: ${username} is a service account, which has none; make it an API token`,
      );
    }
    if (!user.service && user.passwordHash === '' && passwordHash !== undefined) {
      throw new Refusal('invalid_request', `password: ${username} signs in with your organisation and has none here`);
    }
    const after = {
      role: changes.role ?? user.role,
      disabled: changes.disabled ?? user.disabled,
    };
    const lessTrusted = (after.disabled && !user.disabled) || after.role !== user.role;
    if (countsAsAdmin(user) && (after.role !== 'admin' || after.disabled)) keepOneAdmin(admins);
    await tables.users.update(user.id, {
      ...after,
      ...(passwordHash !== undefined && { passwordHash }),
      ...((lessTrusted || passwordHash !== undefined) && { tokenVersion: user.tokenVersion + 1 }),
    });
    if (lessTrusted || passwordHash !== undefined) await tables.sessions.removeOf(user.id);
    if (password !== undefined) {
      await tables.weakPasswords.set(user.id, passwordProblem(rules, password, username) !== null);
    }
    if (passwordHash !== undefined) await revokeAll(tables, actor, user, 'another password', now);
    else if (user.role === 'admin' && after.role !== 'admin') {
      await revokeAll(tables, actor, user, 'no admin any more', now, ADMIN_SCOPES);
    }
    if (changes.secondFactor === false && actor.kind === 'user' && actor.id === user.id) {
      throw new Refusal(
        'forbidden',
        'second_factor: turn your own off in your settings, with password and code, or have another admin do it',
      );
    }
    const removed = changes.secondFactor === false && (await tables.secondFactors.removeOf(user.id));
    if (removed) {
      await tables.audit.add({
        at: now,
        ...by(actor),
        action: 'user.second_factor_reset',
        subject: username,
        details: {},
      });
    }
    await tables.audit.add({
      at: now,
      ...by(actor),
      action: 'user.updated',
      subject: username,
      details: {
        before: { role: user.role, disabled: user.disabled },
        after,
        passwordChanged: passwordHash !== undefined,
      },
    });
    return view({ ...user, ...after }, await tables.secondFactors.isOn(user.id));
  });
}

async function deleteUser(store: Store, actor: Actor, username: string, now: Date): Promise<void> {
  adminsOnly(actor);
  await store.transaction(async (tables) => {
    const admins = await tables.users.countActiveAdmins();
    const user = existing(username, await tables.users.byName(username));
    if (countsAsAdmin(user)) keepOneAdmin(admins);
    await refuseWhileHolding(tables, username);
    await tables.sessions.removeOf(user.id);
    await tables.sshKeys.removeOf(user.id);
    await tables.oidc.unbind(user.id);
    await tables.signInPlaces.removeOf(user.id);
    await tables.weakPasswords.set(user.id, false);
    await tables.limits.removeOfUser(user.id);
    await tables.secondFactors.removeOf(user.id);
    await revokeAll(tables, actor, user, 'deleted', now);
    await tables.users.remove(user.id);
    await tables.audit.add({
      at: now,
      ...by(actor),
      action: 'user.deleted',
      subject: username,
      details: { before: { role: user.role, disabled: user.disabled } },
    });
  });
}

/** A name that is free again must not fall to somebody else while accounts of its last bearer exist. */
async function refuseWhileHolding(tables: Tables, username: string): Promise<void> {
  const open = await tables.allocations.open(username);
  if (open.length > 0) throw new Refusal('still_in_use', `${username}: the user still holds ${open.length} machine(s)`);
}

async function newUser(rules: PasswordRules, { username, password, role }: UserToCreate, now: Date): Promise<User> {
  checkedUsername(username);
  if (password !== null) checkNewPassword(rules, password, username);
  const passwordHash = password === null ? '' : await hashPassword(password);
  return {
    id: randomUUID(),
    username,
    passwordHash,
    role,
    disabled: false,
    tokenVersion: 0,
    createdAt: now,
    service: password === null,
  };
}

/** As Users.countActiveAdmins counts. */
function countsAsAdmin({ role, disabled, service }: User): boolean {
  return role === 'admin' && !disabled && !service;
}

function keepOneAdmin(admins: number): void {
  if (admins <= 1) throw new Refusal('last_admin', 'this is the last admin who can sign in; make another one first');
}

function existing(username: string, user: User | undefined): User {
  if (!user) throw new Refusal('not_found', `username: there is no user named "${username}"`);
  return user;
}

function adminsOnly(actor: Actor): void {
  if (!isAdmin(actor)) throw new Refusal('forbidden', 'only an admin can change users');
}

function view({ username, role, disabled, createdAt, service, passwordHash }: User, secondFactor: boolean): UserView {
  return { username, role, disabled, createdAt, service, hasPassword: passwordHash !== '', secondFactor };
}
