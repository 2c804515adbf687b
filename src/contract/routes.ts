import type { Static, TSchema } from 'typebox';
import * as s from './schemas.ts';

/** Who may call a route at all; whether the caller may touch the very object is decided by the verb. */
export type Access = 'anyone' | 'user' | 'admin';

/**
 * What an API token needs to call a route: this scope, whatever else it has. `any`: every token may. `none`: no token may,
 * either because nobody is asked who they are, or because it is for people who have signed in.
 */
export type NeededScope = s.Scope | 'any' | 'none';

export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly access: Access;
  readonly scope: NeededScope;
  readonly summary: string;
  readonly params?: TSchema;
  readonly querystring?: TSchema;
  readonly headers?: TSchema;
  readonly body?: TSchema;
  /** Reached by an upgrade to a WebSocket. */
  readonly socket?: true;
  /** Content type of the answer where it is not JSON. */
  readonly produces?: readonly string[];
  /** Shape of the answer by status. */
  readonly response: Readonly<Record<number, TSchema>>;
}

const route = <const R extends Route>(one: R): R => one;

/** Every route of the API: one description for the server, its permissions, OpenAPI and the clients. */
export const routes = {
  health: route({
    method: 'GET',
    path: '/api/healthz',
    access: 'anyone',
    scope: 'none',
    summary: 'Is the process alive',
    response: { 200: s.Health },
  }),
  ready: route({
    method: 'GET',
    path: '/api/readyz',
    access: 'anyone',
    scope: 'none',
    summary: 'Can it do its work: database and scheduler',
    response: { 200: s.Readiness, 503: s.Readiness },
  }),
  login: route({
    method: 'POST',
    path: '/api/login',
    access: 'anyone',
    scope: 'none',
    summary: 'Sign in: a token for a name and a password',
    body: s.LoginRequest,
    response: { 200: s.LoginAnswer },
  }),
  whoami: route({
    method: 'GET',
    path: '/api/whoami',
    access: 'user',
    scope: 'any',
    summary: 'Who the token stands for',
    response: { 200: s.Whoami },
  }),

  openSession: route({
    method: 'POST',
    path: '/api/session',
    access: 'anyone',
    scope: 'none',
    summary: 'Sign in a browser: a token, and a cookie that fetches the next ones',
    body: s.LoginRequest,
    response: { 200: s.LoginAnswer },
  }),
  refreshSession: route({
    method: 'POST',
    path: '/api/session/refresh',
    access: 'anyone',
    scope: 'none',
    summary: 'The next token, for the cookie of a session',
    headers: s.RefreshHeaders,
    response: { 200: s.LoginAnswer },
  }),
  closeSession: route({
    method: 'DELETE',
    path: '/api/session',
    access: 'anyone',
    scope: 'none',
    summary: 'Sign out: end the session of the cookie',
    headers: s.RefreshHeaders,
    response: { 200: s.Message },
  }),
  listSessions: route({
    method: 'GET',
    path: '/api/sessions',
    access: 'user',
    scope: 'none',
    summary: 'Where I am signed in',
    response: { 200: s.Sessions },
  }),
  endSessions: route({
    method: 'DELETE',
    path: '/api/sessions',
    access: 'user',
    scope: 'none',
    summary: 'End all my sessions and all tokens of sign-ins; API tokens stay',
    response: { 200: s.Message },
  }),
  endSession: route({
    method: 'DELETE',
    path: '/api/sessions/:id',
    access: 'user',
    scope: 'none',
    summary: 'End one of my sessions',
    params: s.IdParams,
    response: { 200: s.Message },
  }),
  profile: route({
    method: 'GET',
    path: '/api/profile',
    access: 'user',
    scope: 'none',
    summary: 'What Berth knows of me',
    response: { 200: s.Profile },
  }),
  changePassword: route({
    method: 'POST',
    path: '/api/profile/password',
    access: 'user',
    scope: 'none',
    summary: 'Change my password; ends my other sessions and all my tokens, API tokens too',
    body: s.PasswordChange,
    response: { 200: s.Message },
  }),
  listSshKeys: route({
    method: 'GET',
    path: '/api/profile/ssh-keys',
    access: 'user',
    scope: 'read',
    summary: 'My public keys',
    response: { 200: s.SshKeys },
  }),
  addSshKey: route({
    method: 'POST',
    path: '/api/profile/ssh-keys',
    access: 'user',
    scope: 'none',
    summary: 'Keep a public key for later reservations',
    body: s.SshKeyToAdd,
    response: { 201: s.SshKey },
  }),
  deleteSshKey: route({
    method: 'DELETE',
    path: '/api/profile/ssh-keys/:id',
    access: 'user',
    scope: 'none',
    summary: 'Forget one of my public keys',
    params: s.IdParams,
    response: { 200: s.Message },
  }),
  listApiTokens: route({
    method: 'GET',
    path: '/api/profile/tokens',
    access: 'user',
    scope: 'none',
    summary: 'My API tokens',
    response: { 200: s.ApiTokens },
  }),
  createApiToken: route({
    method: 'POST',
    path: '/api/profile/tokens',
    access: 'user',
    scope: 'none',
    summary: 'Make an API token; it is shown this once',
    body: s.ApiTokenToCreate,
    response: { 201: s.MadeApiToken },
  }),
  revokeApiToken: route({
    method: 'DELETE',
    path: '/api/profile/tokens/:id',
    access: 'user',
    scope: 'none',
    summary: 'Revoke one of my API tokens',
    params: s.IdParams,
    response: { 200: s.Message },
  }),

  createUser: route({
    method: 'POST',
    path: '/api/users',
    access: 'admin',
    scope: 'admin',
    summary: 'Add a user, or a service account',
    body: s.UserToCreate,
    response: { 201: s.User },
  }),
  listUsers: route({
    method: 'GET',
    path: '/api/users',
    access: 'admin',
    scope: 'admin',
    summary: 'All users',
    response: { 200: s.Users },
  }),
  getUser: route({
    method: 'GET',
    path: '/api/users/:username',
    access: 'admin',
    scope: 'admin',
    summary: 'One user',
    params: s.UserParams,
    response: { 200: s.User },
  }),
  updateUser: route({
    method: 'PATCH',
    path: '/api/users/:username',
    access: 'admin',
    scope: 'admin',
    summary: 'Change password, role or whether the user may sign in',
    params: s.UserParams,
    body: s.UserChanges,
    response: { 200: s.User },
  }),
  deleteUser: route({
    method: 'DELETE',
    path: '/api/users/:username',
    access: 'admin',
    scope: 'admin',
    summary: 'End and clean all reservations of a user, then remove the user',
    params: s.UserParams,
    response: { 200: s.Message },
  }),
  listApiTokensOf: route({
    method: 'GET',
    path: '/api/users/:username/tokens',
    access: 'admin',
    scope: 'none',
    summary: 'The API tokens of a user',
    params: s.UserParams,
    response: { 200: s.ApiTokens },
  }),
  createApiTokenFor: route({
    method: 'POST',
    path: '/api/users/:username/tokens',
    access: 'admin',
    scope: 'none',
    summary: 'Make an API token for a service account; it is shown this once',
    params: s.UserParams,
    body: s.ApiTokenToCreate,
    response: { 201: s.MadeApiToken },
  }),
  revokeApiTokenOf: route({
    method: 'DELETE',
    path: '/api/users/:username/tokens/:id',
    access: 'admin',
    scope: 'none',
    summary: 'Revoke an API token of a user',
    params: s.UserTokenParams,
    response: { 200: s.Message },
  }),

  registerMachine: route({
    method: 'POST',
    path: '/api/machines',
    access: 'admin',
    scope: 'machines',
    summary: 'Register a machine',
    body: s.MachineToRegister,
    response: { 201: s.Machine },
  }),
  listMachines: route({
    method: 'GET',
    path: '/api/machines',
    access: 'user',
    scope: 'read',
    summary: 'All machines',
    response: { 200: s.Machines },
  }),
  getMachine: route({
    method: 'GET',
    path: '/api/machines/:name',
    access: 'user',
    scope: 'read',
    summary: 'One machine',
    params: s.MachineParams,
    response: { 200: s.Machine },
  }),
  updateMachine: route({
    method: 'PATCH',
    path: '/api/machines/:name',
    access: 'admin',
    scope: 'machines',
    summary: 'Change a machine, disable or enable it, accept a new host key',
    params: s.MachineParams,
    body: s.MachineChanges,
    response: { 200: s.UpdatedMachine },
  }),
  deleteMachine: route({
    method: 'DELETE',
    path: '/api/machines/:name',
    access: 'admin',
    scope: 'machines',
    summary: 'Remove a machine that is neither reserved nor waiting to be cleaned',
    params: s.MachineParams,
    response: { 200: s.Message },
  }),
  machineHistory: route({
    method: 'GET',
    path: '/api/machines/:name/history',
    access: 'user',
    scope: 'read',
    summary: 'What happened to a machine, newest first',
    params: s.MachineParams,
    querystring: s.HistoryQuery,
    response: { 200: s.History },
  }),

  reserve: route({
    method: 'GET',
    path: '/api/reserve',
    access: 'user',
    scope: 'reserve',
    summary: 'Reserve machines and wait until the accounts exist',
    querystring: s.ReserveQuery,
    response: { 200: s.ReserveAnswer },
  }),
  createReservation: route({
    method: 'POST',
    path: '/api/reservations',
    access: 'user',
    scope: 'reserve',
    summary: 'Reserve machines; 202 when they are not ready after the given seconds',
    querystring: s.WaitQuery,
    headers: s.ReservationHeaders,
    body: s.ReservationRequest,
    response: { 201: s.Reservation, 202: s.Reservation },
  }),
  listReservations: route({
    method: 'GET',
    path: '/api/reservations',
    access: 'user',
    scope: 'read',
    summary: 'Open or ended reservations, one item per machine',
    querystring: s.ReservationsQuery,
    response: { 200: s.ReservationList },
  }),
  getReservation: route({
    method: 'GET',
    path: '/api/reservations/:id',
    access: 'user',
    scope: 'read',
    summary: 'One reservation of mine',
    params: s.ReservationParams,
    response: { 200: s.Reservation },
  }),
  release: route({
    method: 'DELETE',
    path: '/api/reservations/:id',
    access: 'user',
    scope: 'reserve',
    summary: 'End a reservation now',
    params: s.ReservationParams,
    response: { 200: s.Reservation },
  }),
  releaseMachine: route({
    method: 'DELETE',
    path: '/api/reservations/:id/machines/:machine',
    access: 'user',
    scope: 'reserve',
    summary: 'Give back one machine of a reservation',
    params: s.ReservationMachineParams,
    response: { 200: s.Reservation },
  }),
  extend: route({
    method: 'POST',
    path: '/api/reservations/:id/extend',
    access: 'user',
    scope: 'reserve',
    summary: 'Move the end of a reservation',
    params: s.ReservationParams,
    body: s.Extension,
    response: { 200: s.Reservation },
  }),
  releaseAll: route({
    method: 'GET',
    path: '/api/release_all',
    access: 'admin',
    scope: 'admin',
    summary: 'End every reservation',
    response: { 200: s.Released },
  }),
  releaseAllByPost: route({
    method: 'POST',
    path: '/api/release_all',
    access: 'admin',
    scope: 'admin',
    summary: 'End every reservation',
    response: { 200: s.Released },
  }),
  available: route({
    method: 'GET',
    path: '/api/available',
    access: 'user',
    scope: 'read',
    summary: 'What can be had of the pool',
    response: { 200: s.Available },
  }),
  timeline: route({
    method: 'GET',
    path: '/api/timeline',
    access: 'user',
    scope: 'read',
    summary: 'Who held and holds which machine in a span of at most 92 days',
    querystring: s.TimelineQuery,
    response: { 200: s.Timeline },
  }),
  createTerminalTicket: route({
    method: 'POST',
    path: '/api/terminal-tickets',
    access: 'user',
    scope: 'none',
    summary: 'What opens a terminal on a machine of my active reservation, once, within 30 s',
    body: s.TerminalTicketRequest,
    response: { 201: s.TerminalTicket },
  }),
  terminal: route({
    method: 'GET',
    path: '/api/terminal',
    access: 'anyone',
    scope: 'none',
    summary: 'A shell in the account of a reservation, for a ticket',
    socket: true,
    response: { 200: s.TerminalTalk },
  }),
  audit: route({
    method: 'GET',
    path: '/api/audit',
    access: 'admin',
    scope: 'admin',
    summary: 'What happened, newest first; as JSON, or as a file of comma-separated values',
    querystring: s.AuditQuery,
    produces: ['application/json', 'text/csv'],
    response: { 200: s.Audit },
  }),
  events: route({
    method: 'GET',
    path: '/api/events',
    access: 'user',
    scope: 'read',
    summary: 'Changes as server-sent events',
    produces: ['text/event-stream'],
    response: { 200: s.Changes },
  }),
} as const;

type Routes = typeof routes;
export type RouteName = keyof Routes;

/** The type of one part of a route's request; undefined where the route takes no such part. */
export type Part<N extends RouteName, K extends 'params' | 'querystring' | 'headers' | 'body'> =
  Routes[N] extends Record<K, infer S extends TSchema> ? Static<S> : undefined;

/** What a route answers when all is well. */
export type Answer<N extends RouteName> = Routes[N]['response'] extends infer R
  ? { [S in keyof R]: R[S] extends TSchema ? Static<R[S]> : never }[keyof R]
  : never;
