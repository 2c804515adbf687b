import { type Static, type TSchema, Type } from 'typebox';

/** Shapes that cross the wire. Names of fields follow the specification; times are ISO 8601 in UTC. */

const closed = { additionalProperties: false } as const;
/** The same shape, with what a field means where it stands, for readers of the API's documentation. */
const said = <T extends TSchema>(description: string, schema: T) => ({ ...schema, description }) as T;
/** A string in an answer, which needs no more rules. */
const words = (description: string) => Type.String({ description });
const oneOf = <T extends string>(values: readonly T[], description: string) =>
  Type.Unsafe<T>({ type: 'string', enum: values, description });

export const Name = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
  description: 'The name of a machine',
});
/** One line of text: no control characters. */
const line = (maxLength: number, minLength = 1) =>
  Type.String({ minLength, maxLength, pattern: '^[^\\u0000-\\u001f\\u007f]*$' });
export const Username = said('The name that a user signs in with', line(64));
export const Password = line(1024);
const Id = (description: string) => Type.String({ format: 'uuid', description });
const Host = Type.String({
  minLength: 1,
  maxLength: 253,
  pattern: '^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$|^::1?$',
  description: 'Where its SSH server answers, as Berth reaches it: a name or an address',
});
const Port = Type.Integer({ minimum: 1, maximum: 65_535, description: 'Of its SSH server' });
const LoginUser = Type.String({
  minLength: 1,
  maxLength: 32,
  pattern: '^[a-z_][a-z0-9_.-]*$',
  description: 'Whom Berth logs in as: root, or somebody who may use sudo',
});
const LoginPassword = said('To log in with, and for sudo; give this or `private_key`', Password);
const PrivateKey = Type.String({
  minLength: 1,
  maxLength: 16_384,
  pattern: '^-----BEGIN ',
  description: 'To log in with, in the form of OpenSSH or PEM, without a passphrase; give this or `password`',
});
const Label = Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,62}$' });
export const Labels = Type.Array(Label, { maxItems: 32 });
const PublicKey = Type.String({
  minLength: 1,
  maxLength: 16_384,
  pattern:
    '^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/]{60,}={0,3}( [^\\u0000-\\u001f\\u007f]*)?$',
});
/** A list of types, not a union of schemas: that is written out many times faster. */
const Nullable = <T extends TSchema & { type: string }>(schema: T) =>
  Type.Unsafe<Static<T> | null>({ ...schema, type: [schema.type, 'null'] });
const Count = Type.Integer({ minimum: 1, maximum: 1_000, description: 'How many machines; 1 unless given' });
const Minutes = Type.Integer({
  minimum: 1,
  maximum: 43_200,
  description: 'Minutes from now to the end; 60 unless given, 43,200 are 30 days',
});
const Time = Type.String({ description: 'ISO 8601, in UTC' });
const timeWhen = (description: string) => said(`${description}; ISO 8601, in UTC`, Time);

export const Failure = Type.Object(
  { error: words('A word for programs'), message: words('What is wrong and what would be right, for people') },
  { additionalProperties: true },
);
export const SignInOptions = Type.Object({
  oidc: Type.Union([Type.Object({ name: Type.String({ description: 'What the button says' }) }), Type.Null()]),
});

export const Message = Type.Object({ message: Type.String() });

/** Of an authenticator app, or a recovery code. */
const Code = Type.String({
  minLength: 6,
  maxLength: 40,
  pattern: '^[A-Za-z0-9 -]*$',
  description: 'From the authenticator app, or a recovery code',
});
export const LoginRequest = Type.Object(
  {
    username: Username,
    password: said('The password', Password),
    code: Type.Optional(
      said('From the authenticator app, or a recovery code; asked for by `second_factor_needed`', Code),
    ),
  },
  closed,
);
export const LoginAnswer = Type.Object({
  access_token: words('For the header `Authorization: Bearer ...`'),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer({ description: 'Seconds' }),
});

/** No other site can make a browser send this header, so the cookie alone does nothing. */
export const RefreshHeaders = Type.Object({
  'x-berth-refresh': Type.Literal('1', { description: 'Must be 1; the session is that of the cookie berth_refresh' }),
});
export const Sessions = Type.Object({
  sessions: Type.Array(
    Type.Object({
      id: Type.String(),
      created_at: timeWhen('When it began'),
      last_used_at: Time,
      address: words('Where it began'),
      user_agent: words('The browser, as it calls itself'),
      current: Type.Boolean({ description: 'It is the one that asks' }),
    }),
  ),
});
export const IdParams = Type.Object({ id: Id('As the list has it') });
export const Profile = Type.Object({
  user: Type.String(),
  roles: Type.Array(Type.String(), { description: '`admin`, or none' }),
  created_at: Time,
  has_password: Type.Boolean({ description: 'Otherwise I sign in with an identity provider, or by API tokens alone' }),
  default_password: Type.Boolean({ description: 'The password is still the one that Berth is shipped with' }),
  weak_password: Type.Boolean({ description: 'The password breaks the rules' }),
  password_rules: Type.Object({
    min_length: Type.Integer({ description: 'Characters' }),
    enforced: Type.Boolean({ description: 'Otherwise a password that breaks them is taken with a warning' }),
  }),
  terminal: Type.Boolean({ description: 'Terminals in the browser are switched on' }),
  second_factor: Type.Boolean({ description: 'A code is asked for at each sign-in' }),
  recovery_codes_left: Type.Integer({ description: 'Each is good once' }),
});
const OwnPassword = said('My password, once more', Password);
export const SecondFactorStart = Type.Object({ password: OwnPassword }, closed);
export const SecondFactorSecret = Type.Object({
  secret: Type.String({ description: 'In base32' }),
  uri: Type.String({ description: 'The same for authenticator apps: otpauth://totp/...' }),
});
export const SecondFactorCode = Type.Object({ code: Code }, closed);
export const SecondFactorProof = Type.Object({ password: OwnPassword, code: Code }, closed);
export const RecoveryCodes = Type.Object({ recovery_codes: Type.Array(Type.String()) });
export const PasswordChange = Type.Object(
  { old_password: said('My password until now', Password), new_password: said('It has to keep the rules', Password) },
  closed,
);
export const SshKeyToAdd = Type.Object(
  {
    name: said('For me to tell it from others', line(64)),
    public_key: said('One line, as in a .pub file', PublicKey),
  },
  closed,
);
export const SshKey = Type.Object({
  id: Type.String(),
  name: Type.String(),
  public_key: Type.String(),
  fingerprint: words('SHA256:...'),
  created_at: Time,
});
export const SshKeys = Type.Object({ ssh_keys: Type.Array(SshKey) });

/** What an API token may be used for; none includes another. */
export type Scope = 'read' | 'reserve' | 'machines' | 'admin';
const Scope = Type.Unsafe<Scope>({ type: 'string', enum: ['read', 'reserve', 'machines', 'admin'] });
const Scopes = Type.Array(Scope, {
  minItems: 1,
  maxItems: 4,
  uniqueItems: true,
  description: 'What it may be used for; none includes another',
});
export const ApiTokenToCreate = Type.Object(
  {
    name: said('Unique among those of its user', line(64)),
    scopes: Scopes,
    expires_in_days: Type.Integer({ minimum: 1, maximum: 366, description: 'After them it is good for nothing' }),
  },
  closed,
);
export const ApiToken = Type.Object({
  id: Type.String(),
  name: Type.String(),
  scopes: Type.Array(Scope),
  created_at: Time,
  expires_at: Time,
  last_used_at: Nullable(Type.String({ description: 'To the minute' })),
});
export const ApiTokens = Type.Object({ tokens: Type.Array(ApiToken) });
export const MadeApiToken = Type.Object({ ...ApiToken.properties, token: words('Shown this once') });
export const Whoami = Type.Object({
  user: Type.String(),
  roles: Type.Array(Type.String()),
  api_token: Type.Optional(
    Type.Object(
      { name: Type.String(), scopes: Type.Array(Scope), expires_at: Time },
      { description: 'The API token that was shown' },
    ),
  ),
});

export const UserParams = Type.Object({ username: Username });
export const UserTokenParams = Type.Object({ username: Username, id: Id('As the list of tokens has it') });
export const UserToCreate = Type.Object(
  {
    username: Username,
    password: Type.Optional(said('For a person; a service account has none', Password)),
    is_admin: Type.Optional(Type.Boolean({ description: 'false unless given' })),
    service: Type.Optional(
      Type.Boolean({
        description: 'A service account: without a password, it signs in by API tokens that admins make',
      }),
    ),
  },
  closed,
);
export const UserChanges = Type.Object(
  {
    password: Type.Optional(said('A new one; ends all sessions and tokens', Password)),
    is_admin: Type.Optional(Type.Boolean({ description: "A change ends the user's sessions" })),
    disabled: Type.Optional(Type.Boolean({ description: 'May not sign in; all reservations of the user end' })),
    second_factor: Type.Optional(Type.Literal(false, { description: 'Removes it; only its user can turn it on' })),
  },
  { ...closed, minProperties: 1 },
);
export const User = Type.Object({
  username: Type.String(),
  is_admin: Type.Boolean(),
  disabled: Type.Boolean({ description: 'May not sign in' }),
  service: Type.Boolean({ description: 'A service account: signs in by API tokens alone' }),
  second_factor: Type.Boolean({ description: 'A code is asked for at each sign-in' }),
  created_at: Time,
});
export const Users = Type.Array(User);

const LimitValue = Type.Integer({ minimum: 0, maximum: 1_000_000_000 });
const MaybeLimit = said('null: no limit', Nullable(LimitValue));
const MaybeOwnLimit = Type.Unsafe<number | null | 'role'>({
  ...LimitValue,
  type: ['integer', 'null', 'string'],
  pattern: '^role$',
  description: 'null: no limit; "role": as the role has it',
});
const limitsOf = <T extends TSchema & { description?: string }>(value: T) => {
  const limit = (description: string) =>
    said(value.description === undefined ? description : `${description}. ${value.description}`, value);
  return {
    machines: limit('Machines held at a time'),
    reservations: limit('Reservations at a time'),
    minutes: limit('Minutes of one reservation as a whole, extensions included'),
    machine_minutes_ahead: limit("All held machines' minutes until their end, added up"),
  };
};
const someLimits = <T extends TSchema & { description?: string }>(value: T) =>
  Type.Partial(Type.Object(limitsOf(value)), { ...closed, minProperties: 1 });
export const Limits = Type.Object(limitsOf(MaybeLimit), { description: 'null: no limit' });
export const LimitChanges = someLimits(MaybeLimit);
export const OwnLimitChanges = someLimits(MaybeOwnLimit);
export const RoleParams = Type.Object({
  role: oneOf(['admin', 'user'], 'Of everybody who has no other limits'),
});
const standing = {
  limits: Limits,
  used: Type.Object({
    machines: Type.Integer({ description: 'Machines held now' }),
    reservations: Type.Integer({ description: 'Reservations that are preparing or active' }),
    machine_minutes_ahead: Type.Integer({ description: "All held machines' minutes until their end, added up" }),
  }),
};
export const MyLimits = Type.Object({
  ...standing,
  admins: Type.Array(Type.String(), { description: 'Some who can raise them' }),
});
export const UserLimits = Type.Object({
  own: Type.Object(limitsOf(MaybeOwnLimit), { description: "The user's own; `limits` is what comes of them" }),
  ...standing,
});

export const MachineParams = Type.Object({ name: Name });
export const MachineToRegister = Type.Object(
  {
    name: Name,
    host: Host,
    port: Type.Optional(said('Of its SSH server; 22 unless given', Port)),
    user: LoginUser,
    password: Type.Optional(LoginPassword),
    private_key: Type.Optional(PrivateKey),
    labels: Type.Optional(said('Words to choose machines by', Labels)),
    host_key: Type.Optional(
      said('The key that it has to have, `algorithm base64`; otherwise the first one seen is kept', line(4096)),
    ),
  },
  closed,
);
export const MachineChanges = Type.Object(
  {
    host: Type.Optional(Host),
    port: Type.Optional(Port),
    user: Type.Optional(LoginUser),
    password: Type.Optional(LoginPassword),
    private_key: Type.Optional(PrivateKey),
    labels: Type.Optional(said('All of them anew', Labels)),
    disabled: Type.Optional(Type.Boolean({ description: 'Not lent any more; who has it now keeps it to the end' })),
    accept_host_key: Type.Optional(
      said(
        'Keep the new key that it shows: its `offered_host_key_fingerprint`, as a proof that it was looked at',
        line(128),
      ),
    ),
  },
  { ...closed, minProperties: 1 },
);
const Finding = Type.Object({
  kind: words(
    'unknown_account, other_machines_account, leftover (these three keep it from being lent), missing_account, other_keys or lost_fence',
  ),
  words: words('The same for people'),
});
export const Machine = Type.Object({
  name: Type.String(),
  host: Nullable(Type.String({ description: 'For admins, and for who holds the machine now' })),
  port: Nullable(Type.Integer({ description: 'For the same people' })),
  user: Nullable(Type.String({ description: 'Whom Berth logs in as; for admins' })),
  labels: Type.Array(Type.String()),
  state: words('checking, ready, unreachable, quarantined or disabled; only what is ready is lent'),
  reason: Nullable(words('Why it is not ready')),
  mend: Nullable(words('What to do about that')),
  reserved: Type.Boolean({ description: 'Also while it is cleaned afterwards' }),
  reserved_by: Nullable(Type.String()),
  reserved_until: Nullable(Time),
  host_key_fingerprint: Nullable(words('SHA256:..., as ssh-keygen prints it; null before the first contact')),
  offered_host_key_fingerprint: Nullable(words('Of another key that it showed, for which it is quarantined')),
  operating_system: Nullable(Type.String()),
  probed_at: Nullable(timeWhen('When Berth last asked whether it is well')),
  verified_at: Nullable(timeWhen('When Berth last looked for what is left on it')),
  findings: Type.Array(Finding, {
    description: 'What the last look at the whole machine found that ought not to be so; for admins',
  }),
  created_at: Time,
});
export const VerifyRequest = Type.Object(
  {
    repair: Type.Optional(
      Type.Boolean({
        description:
          'Take away what bears the mark of Berth and belongs to no open reservation, and make a missing account again',
      }),
    ),
  },
  closed,
);
export const Verification = Type.Object({
  machine: Type.String(),
  verified_at: Time,
  clean: Type.Boolean({ description: 'Nothing was found that keeps it from being lent' }),
  findings: Type.Array(Finding, { description: 'What is so now, after the repair if there was one' }),
  repaired: Type.Array(Finding, { description: 'What was so before the repair, and is not any more' }),
  login_keys: Nullable(
    Type.Integer({ description: 'How many keys open the login that Berth uses; whose they are is not known' }),
  ),
});
export const Machines = Type.Array(Machine);
export const UpdatedMachine = Type.Object({
  ...Machine.properties,
  changed: Type.Array(Type.String(), {
    description: 'The fields that were not so already; `credential` stands for both',
  }),
});

const ReservationPassword = said(
  'Of the accounts; without one (and without keys) Berth makes one and answers it',
  Password,
);
const AccountName = said("The accounts' name, the own one unless given; only admins may choose another", line(64));
export const ReserveQuery = Type.Object(
  {
    count: Type.Optional(Count),
    duration: Type.Optional(Minutes),
    reservation_password: Type.Optional(ReservationPassword),
    username: Type.Optional(AccountName),
  },
  closed,
);
const MadePassword = words('Of the accounts, where Berth made one; shown this once');
export const ReserveAnswer = Type.Object({
  username: words('The account on each machine'),
  machines: Type.Array(
    Type.Object({ machine: Type.String(), host: words('Where to log in, by SSH'), port: Type.Integer() }),
  ),
  reserved_until: Time,
  duration_minutes: Type.Number(),
  reservation_id: Type.String(),
  password: Type.Optional(MadePassword),
});
export const WaitQuery = Type.Object(
  {
    wait: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 60,
        description:
          'Seconds to wait until all accounts exist, 30 unless given; then the answer is 202, and preparing goes on',
      }),
    ),
  },
  closed,
);
export const ReservationHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[!-~]*$',
      description: 'The same key with the same request within a day answers the same reservation',
    }),
  ),
});
export const ReservationRequest = Type.Object(
  {
    count: Type.Optional(Count),
    duration_minutes: Type.Optional(Minutes),
    reservation_password: Type.Optional(ReservationPassword),
    ssh_public_keys: Type.Optional(
      Type.Array(PublicKey, {
        maxItems: 20,
        description: 'Lines as in .pub files; those kept in the profile are not added by themselves',
      }),
    ),
    username: Type.Optional(AccountName),
    labels: Type.Optional(said('Only machines that have all of them', Labels)),
    machines: Type.Optional(
      Type.Array(Name, {
        maxItems: 1_000,
        description: 'Only some of these; `count` is how many there are unless it is given',
      }),
    ),
  },
  closed,
);
export const Removal = Type.Object({
  outcome: words('removed; absent: there was none; foreign: there was one that is not ours, which was left alone'),
  uid: Nullable(Type.Integer()),
  processes_ended: Type.Integer(),
  processes_killed: Nullable(Type.Integer({ description: 'Those that did not end when they were asked to' })),
  sessions_ended: Nullable(Type.Integer()),
  files_removed: Type.Integer(),
  files_in: Type.Unsafe<{ home: number; temporary: number; mail: number; jobs: number } | null>({
    type: ['object', 'null'],
    properties: {
      home: { type: 'integer' },
      temporary: { type: 'integer' },
      mail: { type: 'integer' },
      jobs: { type: 'integer' },
    },
    description: 'Null, like other fields, where an older version has removed the account',
  }),
  checks: Type.Array(Type.Object({ check: Type.String(), gone: Type.Boolean() }), {
    description: 'What was looked for again afterwards',
  }),
  started_at: Nullable(Time),
  ended_at: Nullable(Time),
  tries: Nullable(Type.Integer({ description: 'The one that removed it included' })),
});
const ReservationState = words(
  'preparing; active: all accounts exist; ending: it is over, and accounts are taken away; ended: and proven to be gone; failed',
);
const EndReason = words('expired, released, released_by_admin, user_removed or preparation_failed');
const Problem = words('Why an account could not be made or taken away yet');
const NextTry = timeWhen('When Berth tries again');
export const Reservation = Type.Object({
  reservation_id: Type.String(),
  holder: words('Who made it'),
  username: words('The account on each machine'),
  state: ReservationState,
  reserved_until: Time,
  duration_minutes: Type.Number({ description: 'From start to end as a whole' }),
  created_at: Time,
  ended_at: Nullable(Time),
  end_reason: Nullable(EndReason),
  machines: Type.Array(
    Type.Object({
      machine: Type.String(),
      host: Type.String(),
      port: Type.Integer(),
      host_key: Nullable(words('As in a known_hosts file, `algorithm base64`')),
      state: words('preparing, active, cleaning or cleaned'),
      prepared_at: Nullable(timeWhen('When the account was there')),
      problem: Nullable(Problem),
      next_try_at: Nullable(NextTry),
      failed_tries: Type.Integer({ description: 'Removals of the account that failed so far' }),
      removal: Nullable(Removal),
    }),
  ),
  swapped: Type.Optional(
    Type.Array(Type.Object({ at: Time, machine: Type.String(), reason: Type.String() }), {
      description:
        'Machines that failed while they were prepared and were swapped for others; only where one is asked for',
    }),
  ),
  password: Type.Optional(MadePassword),
});
const ReservationId = Id('The `reservation_id` of a reservation');
export const ReservationParams = Type.Object({ id: ReservationId });
export const ReservationMachineParams = Type.Object({ id: ReservationId, machine: Name });
export const Extension = Type.Object(
  {
    minutes: Type.Integer({
      minimum: -43_200,
      maximum: 43_200,
      description: 'Moves the end; a negative number shortens, to now at most',
    }),
  },
  closed,
);
/** Where a page of a list ends, as its `next` gave it: a time, and what tells entries of the same time apart. */
const Cursor = Type.String({
  pattern: '^\\d{4}-\\d\\d-\\d\\dT[0-9:.]{5,12}Z(~[a-z0-9-]{1,64})?$',
  description: 'The `next` of the page before, or a time: what was before it',
});
export const ReservationsQuery = Type.Object(
  {
    mine: Type.Optional(Type.Boolean({ description: 'Only my own; otherwise those of all' })),
    state: Type.Optional(
      oneOf(
        ['open', 'ended'],
        'open (unless given): all of them, soonest end first; ended: newest end first, paged by before and limit',
      ),
    ),
    before: Type.Optional(Cursor),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        description: 'Reservations (not machines) on a page, 50 unless given; ended only',
      }),
    ),
  },
  closed,
);
export const ReservationList = Type.Object({
  reservations: Type.Array(
    Type.Object({
      reservation_id: Type.String(),
      holder: words('Who made it'),
      username: Nullable(words('The account; this, host and port only for the holder and admins')),
      machine: Type.String(),
      host: Nullable(Type.String()),
      port: Nullable(Type.Integer()),
      reserved_until: Time,
      seconds_remaining: Type.Integer(),
      state: words('Of this machine: preparing, active, cleaning or cleaned'),
      problem: Nullable(Problem),
      next_try_at: Nullable(NextTry),
      created_at: Time,
      ended_at: Nullable(Time),
      end_reason: Nullable(EndReason),
    }),
  ),
  next: Nullable(Type.String({ description: 'Goes into `before` for the next page' })),
});

export const TimelineQuery = Type.Object(
  {
    from: Type.String({ format: 'date-time', description: 'ISO 8601' }),
    to: Type.String({ format: 'date-time', description: 'ISO 8601; at most 92 days later' }),
  },
  closed,
);
export const Timeline = Type.Object({
  machines: Type.Array(Type.Object({ name: Type.String(), state: Type.String() })),
  spans: Type.Array(
    Type.Object({
      machine: Type.String(),
      reservation_id: Type.String(),
      username: Type.String({ description: 'The holder' }),
      from: Time,
      to: Type.String({
        description: 'When it was clean; the end of the reservation while it runs; now while it is cleaned',
      }),
      cleaning_since: Nullable(Time),
      state: words('preparing, active, cleaning or cleaned'),
    }),
  ),
  truncated: Type.Boolean({ description: 'There are more spans than one answer holds: ask for a shorter time' }),
});
export const HistoryQuery = Type.Object(
  {
    before: Type.Optional(Cursor),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'Entries on a page; 50 unless given' })),
  },
  closed,
);
export const History = Type.Object({
  entries: Type.Array(
    Type.Object({
      at: Time,
      action: Type.String(),
      actor: Type.String(),
      username: Nullable(Type.String({ description: 'Whose reservation it was about' })),
      reservation_id: Nullable(Type.String()),
      reason: Nullable(Type.String()),
    }),
  ),
  next: Nullable(Type.String({ description: 'Goes into `before` for the next page' })),
});

export const TerminalTicketRequest = Type.Object({ reservation_id: ReservationId, machine: Name }, closed);
export const TerminalTicket = Type.Object({
  ticket: words('Good once, for `/api/terminal`'),
  expires_in: Type.Integer({ description: 'Seconds' }),
});
const Columns = Type.Integer({ minimum: 1, maximum: 1_000 });
const Rows = Type.Integer({ minimum: 1, maximum: 1_000 });
/** What the terminal's client says in text frames; its binary frames are what is typed. */
export const TerminalOpen = Type.Object(
  {
    type: Type.Literal('open'),
    ticket: Type.String({ minLength: 1, maxLength: 128 }),
    cols: Columns,
    rows: Rows,
    resume: Nullable(Type.String({ format: 'uuid' })),
  },
  closed,
);
export const TerminalResize = Type.Object({ type: Type.Literal('resize'), cols: Columns, rows: Rows }, closed);
/** What the server says in text frames; its binary frames are what the shell prints. */
export type TerminalSays =
  | { readonly type: 'opened'; readonly shell: string; readonly resumed: boolean }
  | { readonly type: 'closed'; readonly reason: 'ended' | 'exit' | (string & {}) };
export const TerminalTalk = Type.String({
  description:
    'A WebSocket. The client opens with `{"type":"open","ticket","cols","rows","resume"}` and is answered `{"type":"opened","shell","resumed"}`; binary frames are input and output; `{"type":"resize","cols","rows"}`; `{"type":"closed","reason"}` ends it',
});
export const Released = Type.Object({ message: Type.String(), released: Type.Integer() });
export const Available = Type.Object({
  available: Type.Array(Type.String(), { description: 'Names of machines that can be had now' }),
  reserved: Type.Array(Type.String()),
  cleaning: Type.Array(Type.String(), { description: 'Not lent before nothing is left on them' }),
  unavailable: Type.Array(Type.Object({ name: Type.String(), reason: Type.String() })),
});
export const AuditQuery = Type.Object(
  {
    actor: Type.Optional(said('Who did it', line(64))),
    action: Type.Optional(said('What was done, such as machine.registered', line(64))),
    subject: Type.Optional(said('To what: a name, or the id of a reservation', line(253))),
    address: Type.Optional(said('Where it came from', line(64))),
    session: Type.Optional(Id('The session that it was done with')),
    api_token: Type.Optional(said('The name of the API token that it was done with', line(128))),
    from: Type.Optional(Type.String({ format: 'date-time', description: 'Not before this' })),
    until: Type.Optional(Type.String({ format: 'date-time', description: 'Before this' })),
    before: Type.Optional(Type.Integer({ minimum: 1, description: 'The `next` of the page before' })),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 50_000,
        description: 'Newest first; 100 unless given and at most 500, as csv 50,000',
      }),
    ),
    format: Type.Optional(oneOf(['json', 'csv'], 'json unless given')),
  },
  closed,
);
export const Audit = Type.Object({
  entries: Type.Array(
    Type.Object({
      id: Type.Integer(),
      at: Time,
      actor: words('Who did it'),
      action: words('What was done, such as machine.registered'),
      subject: words('To what: a name, or the id of a reservation'),
      details: Type.Object({}, { additionalProperties: true }),
      address: Nullable(Type.String({ description: 'Where it came from; null for what Berth does by itself' })),
      session: Nullable(Type.String({ description: 'The session that it was done with' })),
      api_token: Nullable(Type.String({ description: 'The name of the API token that it was done with' })),
    }),
  ),
  next: Nullable(Type.Integer({ description: 'Goes into `before` for the next page' })),
});
export const Changes = Type.String({
  description:
    'Events `machine`, `reservation` and, for admins, `user`, `session`, `token` and `terminal`; the data of each is a JSON object `{at, actor, action, subject}`',
});
export const Health = Type.Object({ status: Type.String() });
export const Readiness = Type.Object({ status: Type.String(), problems: Type.Array(Type.String()) });
