import type { RouteName } from '#contract/routes.ts';

/**
 * Who may call what, written out a second time on purpose and never read from the contract: a slip there shows here. A route
 * without an entry does not compile. `alice` owns what the routes with an id are asked about; `alice read` is an API token
 * of hers with that one scope. Tokens of a user with a scope for admins exist only if somebody writes them into the database.
 */
export const CALLERS = [
  'nobody',
  'alice',
  'bob',
  'admin',
  'alice read',
  'alice reserve',
  'alice machines',
  'alice admin',
  'admin read',
  'admin reserve',
  'admin machines',
  'admin admin',
] as const;

/** The status for each of CALLERS, in their order. */
type Answers = readonly number[];

const open = (status = 200): Answers => CALLERS.map(() => status);
const read = (ok = 200): Answers => [401, ok, ok, ok, ok, 403, 403, 403, ok, 403, 403, 403];
const reserve = (ok = 200): Answers => [401, ok, ok, ok, 403, ok, 403, 403, 403, ok, 403, 403];
const machines = (ok = 200): Answers => [401, 403, 403, ok, 403, 403, 403, 403, 403, 403, ok, 403];
const admins = (ok = 200): Answers => [401, 403, 403, ok, 403, 403, 403, 403, 403, 403, 403, ok];
/** For people who have signed in. */
const people = (ok = 200): Answers => [401, ok, ok, ok, 403, 403, 403, 403, 403, 403, 403, 403];
const adminPeople = (ok = 200): Answers => [401, 403, 403, ok, 403, 403, 403, 403, 403, 403, 403, 403];
/** For the owner alone. */
const own = (ok = 200): Answers => [401, ok, 404, 404, 403, 403, 403, 403, 403, 403, 403, 403];

export const TABLE: Readonly<Record<RouteName, Answers>> = {
  health: open(),
  ready: open(),
  login: open(),
  openSession: open(),
  signInOptions: open(),
  // No provider is set up there.
  startOidc: open(404),
  finishOidc: open(404),
  // Without a cookie.
  refreshSession: open(401),
  closeSession: open(),
  // No upgrade to a WebSocket.
  terminal: open(400),

  whoami: [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200],

  listMachines: read(),
  getMachine: read(),
  machineHistory: read(),
  listReservations: read(),
  available: read(),
  timeline: read(),
  events: read(),
  listSshKeys: read(),
  limits: read(),
  // Its holder and admins. A token of an admin is one of a user unless it has the scope `admin` besides.
  getReservation: [401, 200, 404, 200, 200, 403, 403, 403, 404, 403, 403, 403],

  reserve: reserve(),
  createReservation: reserve(201),
  release: [401, 200, 404, 200, 403, 200, 403, 403, 403, 404, 403, 403],
  releaseMachine: [401, 200, 404, 200, 403, 200, 403, 403, 403, 404, 403, 403],
  extend: [401, 200, 404, 200, 403, 200, 403, 403, 403, 404, 403, 403],

  registerMachine: machines(201),
  updateMachine: machines(),
  deleteMachine: machines(),
  verifyMachine: machines(),

  createUser: admins(201),
  listUsers: admins(),
  getUser: admins(),
  updateUser: admins(),
  deleteUser: admins(),
  userLimits: admins(),
  changeUserLimits: admins(),
  roleLimits: admins(),
  changeRoleLimits: admins(),
  releaseAll: admins(),
  releaseAllByPost: admins(),
  audit: admins(),

  profile: people(),
  // With a wrong old one.
  changePassword: people(400),
  startSecondFactor: people(),
  // It is off.
  confirmSecondFactor: people(404),
  renewRecoveryCodes: people(404),
  endSecondFactor: people(404),
  listSessions: people(),
  endSessions: people(),
  endSession: own(),
  addSshKey: people(201),
  deleteSshKey: own(),
  listApiTokens: people(),
  createApiToken: people(201),
  revokeApiToken: own(),
  createTerminalTicket: own(201),

  listApiTokensOf: adminPeople(),
  createApiTokenFor: adminPeople(201),
  revokeApiTokenOf: adminPeople(),
};
