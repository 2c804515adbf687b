import { type Static, type TSchema, Type } from 'typebox';

/** Shapes that cross the wire. Names of fields follow the specification; times are ISO 8601 in UTC. */

const closed = { additionalProperties: false } as const;

export const Name = Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$' });
/** One line of text: no control characters. */
const line = (maxLength: number, minLength = 1) =>
  Type.String({ minLength, maxLength, pattern: '^[^\\u0000-\\u001f\\u007f]*$' });
export const Username = line(64);
export const Password = line(1024);
const Host = Type.String({
  minLength: 1,
  maxLength: 253,
  pattern: '^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$|^::1?$',
});
const Port = Type.Integer({ minimum: 1, maximum: 65_535 });
const LoginUser = Type.String({ minLength: 1, maxLength: 32, pattern: '^[a-z_][a-z0-9_.-]*$' });
const PrivateKey = Type.String({ minLength: 1, maxLength: 16_384, pattern: '^-----BEGIN ' });
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
const Count = Type.Integer({ minimum: 1, maximum: 1_000 });
const Minutes = Type.Integer({ minimum: 1, maximum: 43_200 });
const Time = Type.String();

export const Failure = Type.Object({ error: Type.String(), message: Type.String() }, { additionalProperties: true });
export const SignInOptions = Type.Object({
  oidc: Type.Union([Type.Object({ name: Type.String({ description: 'What the button says' }) }), Type.Null()]),
});

export const Message = Type.Object({ message: Type.String() });

/** Of an authenticator app, or a recovery code. */
const Code = Type.String({ minLength: 6, maxLength: 40, pattern: '^[A-Za-z0-9 -]*$' });
export const LoginRequest = Type.Object(
  {
    username: Username,
    password: Password,
    code: Type.Optional(
      Type.String({
        ...Code,
        description: 'From the authenticator app, or a recovery code; asked for by `second_factor_needed`',
      }),
    ),
  },
  closed,
);
export const LoginAnswer = Type.Object({
  access_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer(),
});

/** No other site can make a browser send this header, so the cookie alone does nothing. */
export const RefreshHeaders = Type.Object({
  'x-berth-refresh': Type.Literal('1', { description: 'Must be 1; the session is that of the cookie berth_refresh' }),
});
export const Sessions = Type.Object({
  sessions: Type.Array(
    Type.Object({
      id: Type.String(),
      created_at: Time,
      last_used_at: Time,
      address: Type.String(),
      user_agent: Type.String(),
      current: Type.Boolean(),
    }),
  ),
});
export const IdParams = Type.Object({ id: Type.String({ format: 'uuid' }) });
export const Profile = Type.Object({
  user: Type.String(),
  roles: Type.Array(Type.String()),
  created_at: Time,
  has_password: Type.Boolean({ description: 'Otherwise I sign in with an identity provider, or by API tokens alone' }),
  default_password: Type.Boolean({ description: 'The password is still the one that Berth is shipped with' }),
  weak_password: Type.Boolean({ description: 'The password breaks the rules' }),
  password_rules: Type.Object({
    min_length: Type.Integer(),
    enforced: Type.Boolean({ description: 'Otherwise a password that breaks them is taken with a warning' }),
  }),
  terminal: Type.Boolean({ description: 'Terminals in the browser are switched on' }),
  second_factor: Type.Boolean({ description: 'A code is asked for at each sign-in' }),
  recovery_codes_left: Type.Integer(),
});
export const SecondFactorStart = Type.Object({ password: Password }, closed);
export const SecondFactorSecret = Type.Object({
  secret: Type.String({ description: 'In base32' }),
  uri: Type.String({ description: 'The same for authenticator apps: otpauth://totp/...' }),
});
export const SecondFactorCode = Type.Object({ code: Code }, closed);
export const SecondFactorProof = Type.Object({ password: Password, code: Code }, closed);
export const RecoveryCodes = Type.Object({ recovery_codes: Type.Array(Type.String()) });
export const PasswordChange = Type.Object({ old_password: Password, new_password: Password }, closed);
export const SshKeyToAdd = Type.Object({ name: line(64), public_key: PublicKey }, closed);
export const SshKey = Type.Object({
  id: Type.String(),
  name: Type.String(),
  public_key: Type.String(),
  fingerprint: Type.String(),
  created_at: Time,
});
export const SshKeys = Type.Object({ ssh_keys: Type.Array(SshKey) });

/** What an API token may be used for; none includes another. */
export type Scope = 'read' | 'reserve' | 'machines' | 'admin';
const Scope = Type.Unsafe<Scope>({ type: 'string', enum: ['read', 'reserve', 'machines', 'admin'] });
const Scopes = Type.Array(Scope, { minItems: 1, maxItems: 4, uniqueItems: true });
export const ApiTokenToCreate = Type.Object(
  { name: line(64), scopes: Scopes, expires_in_days: Type.Integer({ minimum: 1, maximum: 366 }) },
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
export const MadeApiToken = Type.Object({ ...ApiToken.properties, token: Type.String() });
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
export const UserTokenParams = Type.Object({ username: Username, id: Type.String({ format: 'uuid' }) });
export const UserToCreate = Type.Object(
  {
    username: Username,
    password: Type.Optional(Password),
    is_admin: Type.Optional(Type.Boolean()),
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
    password: Type.Optional(Password),
    is_admin: Type.Optional(Type.Boolean()),
    disabled: Type.Optional(Type.Boolean()),
    second_factor: Type.Optional(Type.Literal(false, { description: 'Removes it; only its user can turn it on' })),
  },
  { ...closed, minProperties: 1 },
);
export const User = Type.Object({
  username: Type.String(),
  is_admin: Type.Boolean(),
  disabled: Type.Boolean(),
  service: Type.Boolean(),
  second_factor: Type.Boolean(),
  created_at: Time,
});
export const Users = Type.Array(User);

const LimitValue = Type.Integer({ minimum: 0, maximum: 1_000_000_000 });
const MaybeLimit = Nullable(LimitValue);
const MaybeOwnLimit = Type.Unsafe<number | null | 'role'>({
  ...LimitValue,
  type: ['integer', 'null', 'string'],
  pattern: '^role$',
  description: 'null: no limit; "role": as the role has it',
});
const limitsOf = <T extends TSchema>(value: T) => ({
  machines: value,
  reservations: value,
  minutes: value,
  machine_minutes_ahead: value,
});
const someLimits = <T extends TSchema>(value: T) =>
  Type.Partial(Type.Object(limitsOf(value)), { ...closed, minProperties: 1 });
export const Limits = Type.Object(limitsOf(MaybeLimit), { description: 'null: no limit' });
export const LimitChanges = someLimits(MaybeLimit);
export const OwnLimitChanges = someLimits(MaybeOwnLimit);
export const RoleParams = Type.Object({
  role: Type.Unsafe<'admin' | 'user'>({ type: 'string', enum: ['admin', 'user'] }),
});
const standing = {
  limits: Limits,
  used: Type.Object({
    machines: Type.Integer(),
    reservations: Type.Integer(),
    machine_minutes_ahead: Type.Integer({ description: "All held machines' minutes until their end, added up" }),
  }),
};
export const MyLimits = Type.Object({
  ...standing,
  admins: Type.Array(Type.String(), { description: 'Some who can raise them' }),
});
export const UserLimits = Type.Object({ own: Type.Object(limitsOf(MaybeOwnLimit)), ...standing });

export const MachineParams = Type.Object({ name: Name });
export const MachineToRegister = Type.Object(
  {
    name: Name,
    host: Host,
    port: Type.Optional(Port),
    user: LoginUser,
    password: Type.Optional(Password),
    private_key: Type.Optional(PrivateKey),
    labels: Type.Optional(Labels),
    host_key: Type.Optional(line(4096)),
  },
  closed,
);
export const MachineChanges = Type.Object(
  {
    host: Type.Optional(Host),
    port: Type.Optional(Port),
    user: Type.Optional(LoginUser),
    password: Type.Optional(Password),
    private_key: Type.Optional(PrivateKey),
    labels: Type.Optional(Labels),
    disabled: Type.Optional(Type.Boolean()),
    accept_host_key: Type.Optional(line(128)),
  },
  { ...closed, minProperties: 1 },
);
const Finding = Type.Object({ kind: Type.String(), words: Type.String() });
export const Machine = Type.Object({
  name: Type.String(),
  host: Nullable(Type.String({ description: 'For admins, and for who holds the machine now' })),
  port: Nullable(Type.Integer()),
  user: Nullable(Type.String({ description: 'Whom Berth logs in as; for admins' })),
  labels: Type.Array(Type.String()),
  state: Type.String(),
  reason: Nullable(Type.String()),
  mend: Nullable(Type.String()),
  reserved: Type.Boolean(),
  reserved_by: Nullable(Type.String()),
  reserved_until: Nullable(Time),
  host_key_fingerprint: Nullable(Type.String()),
  offered_host_key_fingerprint: Nullable(Type.String()),
  operating_system: Nullable(Type.String()),
  probed_at: Nullable(Time),
  verified_at: Nullable(Time),
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
  repaired: Type.Array(Finding),
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

export const ReserveQuery = Type.Object(
  {
    count: Type.Optional(Count),
    duration: Type.Optional(Minutes),
    reservation_password: Type.Optional(Password),
    username: Type.Optional(line(64)),
  },
  closed,
);
export const ReserveAnswer = Type.Object({
  username: Type.String(),
  machines: Type.Array(Type.Object({ machine: Type.String(), host: Type.String(), port: Type.Integer() })),
  reserved_until: Time,
  duration_minutes: Type.Number(),
  reservation_id: Type.String(),
  password: Type.Optional(Type.String()),
});
export const WaitQuery = Type.Object({ wait: Type.Optional(Type.Integer({ minimum: 0, maximum: 60 })) }, closed);
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
    reservation_password: Type.Optional(Password),
    ssh_public_keys: Type.Optional(Type.Array(PublicKey, { maxItems: 20 })),
    username: Type.Optional(line(64)),
    labels: Type.Optional(Labels),
    machines: Type.Optional(Type.Array(Name, { maxItems: 1_000 })),
  },
  closed,
);
export const Removal = Type.Object({
  outcome: Type.String(),
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
  tries: Nullable(Type.Integer()),
});
export const Reservation = Type.Object({
  reservation_id: Type.String(),
  holder: Type.String(),
  username: Type.String(),
  state: Type.String(),
  reserved_until: Time,
  duration_minutes: Type.Number(),
  created_at: Time,
  ended_at: Nullable(Time),
  end_reason: Nullable(Type.String()),
  machines: Type.Array(
    Type.Object({
      machine: Type.String(),
      host: Type.String(),
      port: Type.Integer(),
      host_key: Nullable(Type.String()),
      state: Type.String(),
      prepared_at: Nullable(Time),
      problem: Nullable(Type.String()),
      next_try_at: Nullable(Time),
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
  password: Type.Optional(Type.String()),
});
export const ReservationParams = Type.Object({ id: Type.String({ format: 'uuid' }) });
export const ReservationMachineParams = Type.Object({ id: Type.String({ format: 'uuid' }), machine: Name });
export const Extension = Type.Object({ minutes: Type.Integer({ minimum: -43_200, maximum: 43_200 }) }, closed);
/** Where a page of a list ends, as its `next` gave it: a time, and what tells entries of the same time apart. */
const Cursor = Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT[0-9:.]{5,12}Z(~[a-z0-9-]{1,64})?$' });
export const ReservationsQuery = Type.Object(
  {
    mine: Type.Optional(Type.Boolean()),
    state: Type.Optional(
      Type.Unsafe<'open' | 'ended'>({
        type: 'string',
        enum: ['open', 'ended'],
        description: 'open: all of them, soonest end first; ended: newest end first, paged by before and limit',
      }),
    ),
    before: Type.Optional(Cursor),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, description: 'Reservations (not machines) on a page; ended only' }),
    ),
  },
  closed,
);
export const ReservationList = Type.Object({
  reservations: Type.Array(
    Type.Object({
      reservation_id: Type.String(),
      holder: Type.String(),
      username: Nullable(Type.String()),
      machine: Type.String(),
      host: Nullable(Type.String()),
      port: Nullable(Type.Integer()),
      reserved_until: Time,
      seconds_remaining: Type.Integer(),
      state: Type.String(),
      problem: Nullable(Type.String()),
      next_try_at: Nullable(Time),
      created_at: Time,
      ended_at: Nullable(Time),
      end_reason: Nullable(Type.String()),
    }),
  ),
  next: Nullable(Type.String({ description: 'Goes into `before` for the next page' })),
});

export const TimelineQuery = Type.Object(
  { from: Type.String({ format: 'date-time' }), to: Type.String({ format: 'date-time' }) },
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
      state: Type.String(),
    }),
  ),
  truncated: Type.Boolean({ description: 'There are more spans than one answer holds: ask for a shorter time' }),
});
export const HistoryQuery = Type.Object(
  { before: Type.Optional(Cursor), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })) },
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

export const TerminalTicketRequest = Type.Object(
  { reservation_id: Type.String({ format: 'uuid' }), machine: Name },
  closed,
);
export const TerminalTicket = Type.Object({ ticket: Type.String(), expires_in: Type.Integer() });
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
  available: Type.Array(Type.String()),
  reserved: Type.Array(Type.String()),
  cleaning: Type.Array(Type.String()),
  unavailable: Type.Array(Type.Object({ name: Type.String(), reason: Type.String() })),
});
export const AuditQuery = Type.Object(
  {
    actor: Type.Optional(line(64)),
    action: Type.Optional(line(64)),
    subject: Type.Optional(line(253)),
    address: Type.Optional(line(64)),
    session: Type.Optional(Type.String({ format: 'uuid' })),
    api_token: Type.Optional(line(128)),
    from: Type.Optional(Type.String({ format: 'date-time' })),
    until: Type.Optional(Type.String({ format: 'date-time' })),
    before: Type.Optional(Type.Integer({ minimum: 1 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 50_000, description: 'json: at most 500' })),
    format: Type.Optional(Type.Unsafe<'json' | 'csv'>({ type: 'string', enum: ['json', 'csv'] })),
  },
  closed,
);
export const Audit = Type.Object({
  entries: Type.Array(
    Type.Object({
      id: Type.Integer(),
      at: Time,
      actor: Type.String(),
      action: Type.String(),
      subject: Type.String(),
      details: Type.Object({}, { additionalProperties: true }),
      address: Nullable(Type.String({ description: 'Where it came from; null for what Berth does by itself' })),
      session: Nullable(Type.String({ description: 'The session that it was done with' })),
      api_token: Nullable(Type.String({ description: 'The name of the API token that it was done with' })),
    }),
  ),
  next: Nullable(Type.Integer()),
});
export const Changes = Type.String({
  description:
    'Events `machine`, `reservation` and, for admins, `user`, `session`, `token` and `terminal`; the data of each is a JSON object `{at, actor, action, subject}`',
});
export const Health = Type.Object({ status: Type.String() });
export const Readiness = Type.Object({ status: Type.String(), problems: Type.Array(Type.String()) });
