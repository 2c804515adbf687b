import type { Generated } from 'kysely';
import type { Role } from '#core/domain/actor.ts';
import type { MachineState } from '#core/domain/machine.ts';
import type { AllocationState, EndReason, ReservationState } from '#core/domain/reservation.ts';

/**
 * The tables as both databases hold them: times are epoch milliseconds, booleans 0 or 1, lists JSON text.
 * Rows are turned into domain shapes by the file of each table.
 */
export interface Schema {
  users: UserRow & Versioned;
  machines: MachineRow;
  reservations: ReservationRow & Versioned;
  allocations: AllocationRow;
  audit: AuditRow;
  api_tokens: ApiTokenRow;
  audit_chain: AuditChainRow;
  audit_seal: AuditSealRow;
  heartbeats: HeartbeatRow;
  sessions: SessionRow;
  ssh_keys: SshKeyRow;
  terminal_tickets: TerminalTicketRow;
  sign_in_tries: SignInTriesRow;
  sign_in_places: SignInPlaceRow;
  weak_passwords: WeakPasswordRow;
  limits: LimitsRow;
  second_factors: SecondFactorRow;
  recovery_codes: RecoveryCodeRow;
  oidc_identities: OidcIdentityRow;
  oidc_used_states: { digest: string; expires_at: number };
}

/** A counter, raised by transactions that must not both go on from what they read. */
interface Versioned {
  version: Generated<number>;
}

export interface UserRow {
  id: string;
  username: string;
  password_hash: string;
  role: Role;
  disabled: number;
  token_version: number;
  created_at: number;
  /** 1: a service account, which has no password. */
  service: number;
}

export interface MachineRow {
  id: string;
  name: string;
  host: string;
  port: number;
  login_user: string;
  /** Sealed JSON of a Credential. */
  credential: string;
  /** The label list as `,a,b,`, so that `instr` finds a whole label on both databases. */
  labels: string;
  state: MachineState;
  reason: string | null;
  mend: string | null;
  host_key: string | null;
  offered_host_key: string | null;
  operating_system: string | null;
  failures: number;
  /** Grows with each allocation; see AccountOrder.generation. */
  generation: number;
  probed_at: number | null;
  next_probe_at: number;
  verified_at: number | null;
  next_verify_at: number;
  /** JSON of a list of Finding; null when nothing was found. */
  findings: string | null;
  created_at: number;
}

export interface ReservationRow {
  id: string;
  user_id: string;
  holder: string;
  account_name: string;
  state: ReservationState;
  machine_count: number;
  password_hash: string | null;
  authorized_keys: string;
  /** JSON of the labels and machine names that were asked for, needed again when a machine is swapped. */
  wanted: string;
  idempotency_key: string | null;
  request_digest: string;
  lease_owner: string | null;
  lease_until: number;
  starts_at: number;
  ends_at: number;
  ended_at: number | null;
  end_reason: EndReason | null;
}

export interface AllocationRow {
  id: string;
  reservation_id: string;
  machine_id: string;
  machine_name: string;
  generation: number;
  state: AllocationState;
  /** 1 while the machine is held, NULL once it is proven clean: with machine_id it is unique, so no machine is lent twice. */
  open: 1 | null;
  lease_owner: string | null;
  lease_until: number;
  attempts: number;
  next_try_at: number;
  problem: string | null;
  uid: number | null;
  created_at: number;
  prepared_at: number | null;
  cleaning_since: number | null;
  cleaned_at: number | null;
  /** JSON of a StoredRemoval; older versions knew less of it. */
  removal: string | null;
}

export interface AuditRow {
  id: Generated<number>;
  at: number;
  actor: string;
  action: string;
  subject: string;
  details: string;
  address: string | null;
  session_id: string | null;
  api_token: string | null;
}

interface AuditChainRow {
  seq: number;
  audit_id: number;
  sealed_at: number;
  hash: string;
}

/** One row: the key of the chain, where it ends, and up to where its start was given up. */
export interface AuditSealRow {
  id: number;
  /** Sealed. */
  audit_key: string;
  head_seq: number;
  head_hash: string;
  head_audit_id: number;
  head_mac: string;
  anchor_seq: number;
  anchor_hash: string;
  anchor_mac: string;
  version: number;
}

interface OidcIdentityRow {
  /** Of issuer and subject. */
  digest: string;
  issuer: string;
  subject: string;
  user_id: string;
  created_at: number;
}

interface HeartbeatRow {
  name: string;
  at: number;
}

export interface SessionRow {
  id: string;
  user_id: string;
  token_version: number;
  token_hash: string;
  previous_hash: string | null;
  rotated_at: number;
  created_at: number;
  last_used_at: number;
  expires_at: number;
  address: string;
  user_agent: string;
}

export interface SshKeyRow {
  id: string;
  user_id: string;
  name: string;
  public_key: string;
  fingerprint: string;
  created_at: number;
}

export interface ApiTokenRow {
  id: string;
  user_id: string;
  name: string;
  hash: string;
  /** Joined by commas. */
  scopes: string;
  created_at: number;
  expires_at: number;
  last_used_at: number | null;
}

interface TerminalTicketRow {
  hash: string;
  user_id: string;
  session_id: string | null;
  token_version: number;
  allocation_id: string;
  expires_at: number;
}

interface SignInTriesRow {
  /** SHA-256, in hex, of what they are counted for: the table has the same size whatever names are tried. */
  id: string;
  failed: number;
  paused_until: number;
  forget_at: number;
}

interface SignInPlaceRow {
  user_id: string;
  network: string;
  last_at: number;
}

interface SecondFactorRow {
  user_id: string;
  /** Sealed. */
  secret: string;
  is_on: number;
  /** The last time step whose code was used. */
  last_step: number;
  created_at: number;
}

interface RecoveryCodeRow {
  user_id: string;
  /** SHA-256 in hex. */
  hash: string;
}

interface WeakPasswordRow {
  user_id: string;
}

export interface LimitColumns {
  machines: number | null;
  reservations: number | null;
  minutes: number | null;
  machine_minutes_ahead: number | null;
}

interface LimitsRow extends LimitColumns {
  kind: 'role' | 'user';
  /** The role, or the user's id. */
  subject: string;
}
