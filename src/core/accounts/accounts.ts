import type { Actor, Role } from '#core/domain/actor.ts';
import type { ApiTokens } from './api-tokens.ts';
import type { OidcSignIn } from './oidc/oidc-sign-in.ts';
import type { Profile } from './profile.ts';
import type { RefusedSignIns } from './refused-sign-ins.ts';
import type { SecondFactor } from './second-factor.ts';
import type { Sessions } from './sessions.ts';
import type { Proof, SignedIn } from './signed-in.ts';
import type { SshKeys } from './ssh-keys.ts';
import type { Throttle } from './throttle.ts';

/** People: who they are and how they prove it. What a caller may not have is thrown as a `Refusal`. */
export interface Accounts {
  readonly sessions: Sessions;
  /** Signing in with an identity provider; null where none is set. */
  readonly oidc: OidcSignIn | null;
  readonly profile: Profile;
  readonly sshKeys: SshKeys;
  readonly apiTokens: ApiTokens;
  readonly secondFactor: SecondFactor;
  /** Goes around whatever looks at a password for somebody from outside; notes in the audit log who was not let in. */
  readonly throttle: Throttle;
  /** What of refused sign-ins is only counted so far. */
  readonly refusedSignIns: RefusedSignIns;
  /**
   * Makes the first admin unless any user exists. Safe when several processes do it at once. Refusals: invalid_request (a
   * password against the rules).
   */
  seedAdmin(username: string, password: string, now: Date): Promise<void>;
  /** Whether the password that Berth is shipped with opens this user. */
  opensWithShippedPassword(username: string): Promise<boolean>;
  /**
   * Refusals: invalid_grant, with the same words and time for an unknown, a disabled and a mistaken user;
   * second_factor_needed when only `code` is missing.
   */
  login(
    username: string,
    password: string,
    now: Date,
    address?: string,
    code?: string,
  ): Promise<{ token: string; expiresInSeconds: number }>;
  /**
   * The user that a token, of a sign-in or for the API, stands for right now. Refusals: unauthorized (bad, expired, revoked,
   * user gone, disabled, demoted, password changed).
   */
  authenticate(token: string, now: Date): Promise<SignedIn>;
  /** Whether what somebody was signed in by is still good. */
  stillSignedIn(proof: Proof): Promise<boolean>;
  /** Refusals: invalid_request, conflict. */
  createUser(actor: Actor, user: UserToCreate, now: Date): Promise<UserView>;
  listUsers(): Promise<UserView[]>;
  /** Refusals: not_found. */
  getUser(username: string): Promise<UserView>;
  /** Refusals: not_found, invalid_request, last_admin. */
  updateUser(actor: Actor, username: string, changes: UserChanges, now: Date): Promise<UserView>;
  /** Refusals: not_found, last_admin. The caller has ended the user's reservations before. */
  deleteUser(actor: Actor, username: string, now: Date): Promise<void>;
}

export interface UserToCreate {
  readonly username: string;
  /** Null: a service account. It cannot sign in; admins make API tokens for it. */
  readonly password: string | null;
  readonly role: Role;
}

export interface UserChanges {
  readonly password?: string;
  readonly role?: Role;
  readonly disabled?: boolean;
  /** False removes it. */
  readonly secondFactor?: false;
}

export interface UserView {
  readonly username: string;
  readonly role: Role;
  readonly disabled: boolean;
  readonly createdAt: Date;
  readonly service: boolean;
  /** False for service accounts, and for who signs in with an identity provider. */
  readonly hasPassword: boolean;
  /** Whether a code is asked for at each sign-in. */
  readonly secondFactor: boolean;
}
