import { keepPreviousData, QueryClient, type UseQueryResult, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { CallFailure } from '#contract/client.ts';
import type { Answer, Part } from '#contract/routes.ts';
import { call } from './session.ts';

export type Machine = Answer<'listMachines'>[number];
export type HeldMachine = Answer<'listReservations'>['reservations'][number];
export type Reservation = Answer<'getReservation'>;
export type ReservationMachine = Reservation['machines'][number];
export type User = Answer<'listUsers'>[number];
export type SshKey = Answer<'listSshKeys'>['ssh_keys'][number];
export type ApiToken = Answer<'listApiTokens'>['tokens'][number];
export type OpenSession = Answer<'listSessions'>['sessions'][number];
export type MyLimits = Answer<'limits'>;
export type UserLimits = Answer<'userLimits'>;
export type RoleLimits = Answer<'roleLimits'>;
export type Role = Part<'roleLimits', 'params'>['role'];
export type Span = Answer<'timeline'>['spans'][number];
export type AuditEntry = Answer<'audit'>['entries'][number];

/** The first part of each key says what the data is about; live.ts makes old what has changed. */
export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 15_000,
        gcTime: 10 * 60_000,
        refetchOnWindowFocus: true,
        // A "no" stays a no; a server that is away may come back.
        retry: (failures, error) => !(error instanceof CallFailure && error.status < 500) && failures < 2,
        retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 4_000),
        // Whether the server can be reached says the server, not the browser's opinion of the network.
        networkMode: 'always',
      },
      mutations: { networkMode: 'always' },
    },
  });
}

export function useMachines(): UseQueryResult<Machine[]> {
  return useQuery({ queryKey: ['machines', 'all'], queryFn: ({ signal }) => call('listMachines', { signal }) });
}

export function useMachine(name: string): UseQueryResult<Machine> {
  return useQuery({
    queryKey: ['machines', 'one', name],
    queryFn: ({ signal }) => call('getMachine', { params: { name }, signal }),
  });
}

/** Open reservations of everybody or only my own, one item per machine. */
export function useHeldMachines(mine: boolean): UseQueryResult<HeldMachine[]> {
  return useQuery({
    queryKey: ['reservations', mine ? 'mine' : 'everybody'],
    queryFn: async ({ signal }) => (await call('listReservations', { query: { mine }, signal })).reservations,
  });
}

export function useReservation(id: string): UseQueryResult<Reservation> {
  return useQuery({
    queryKey: ['reservations', 'one', id],
    queryFn: ({ signal }) => call('getReservation', { params: { id }, signal }),
    // Steps of the preparation are not all events.
    refetchInterval: ({ state: { data } }) => (data?.state === 'preparing' ? 700 : false),
  });
}

export function useUsers(): UseQueryResult<User[]> {
  return useQuery({ queryKey: ['users', 'all'], queryFn: ({ signal }) => call('listUsers', { signal }) });
}

/** How much of the pool I may have, and have. */
export function useMyLimits(): UseQueryResult<MyLimits> {
  return useQuery({ queryKey: ['limits', 'mine'], queryFn: ({ signal }) => call('limits', { signal }) });
}

export function useUserLimits(username: string): UseQueryResult<UserLimits> {
  return useQuery({
    queryKey: ['limits', 'user', username],
    queryFn: ({ signal }) => call('userLimits', { params: { username }, signal }),
    // A form that changes them starts from what is so now.
    gcTime: 0,
  });
}

export function useRoleLimits(role: Role): UseQueryResult<RoleLimits> {
  return useQuery({
    queryKey: ['limits', 'role', role],
    queryFn: ({ signal }) => call('roleLimits', { params: { role }, signal }),
    gcTime: 0,
  });
}

export function useProfile(): UseQueryResult<Answer<'profile'>> {
  return useQuery({ queryKey: ['profile', 'me'], queryFn: ({ signal }) => call('profile', { signal }) });
}

/** Said wherever a terminal would be offered. */
export const TERMINALS_OFF = 'Terminals in the browser are switched off on this server.';

export function useSshKeys(): UseQueryResult<SshKey[]> {
  return useQuery({
    queryKey: ['profile', 'ssh-keys'],
    queryFn: async ({ signal }) => (await call('listSshKeys', { signal })).ssh_keys,
  });
}

export function useSessions(): UseQueryResult<OpenSession[]> {
  return useQuery({
    queryKey: ['profile', 'sessions'],
    queryFn: async ({ signal }) => (await call('listSessions', { signal })).sessions,
  });
}

/** Mine, or those of the user named `of`. */
export function useApiTokens(of: string | null): UseQueryResult<ApiToken[]> {
  return useQuery({
    queryKey: of === null ? ['profile', 'tokens'] : ['users', 'tokens', of],
    queryFn: async ({ signal }) =>
      (of === null
        ? await call('listApiTokens', { signal })
        : await call('listApiTokensOf', { params: { username: of }, signal })
      ).tokens,
  });
}

export function useMachineHistory(name: string): UseQueryResult<Answer<'machineHistory'>> {
  return useQuery({
    queryKey: ['machines', 'history', name],
    queryFn: ({ signal }) => call('machineHistory', { params: { name }, query: { limit: 20 }, signal }),
  });
}

/** Reservations that are over, newest end first, page by page. */
export function useEndedReservations(mine: boolean) {
  return useInfiniteQuery({
    queryKey: ['reservations', 'ended', mine],
    queryFn: ({ signal, pageParam }) =>
      call('listReservations', {
        query: { mine, state: 'ended', limit: 20, ...(pageParam !== null && { before: pageParam }) },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
  });
}

/** Who held and holds what between two moments (epoch milliseconds). */
export function useTimeline(from: number, to: number): UseQueryResult<Answer<'timeline'>> {
  return useQuery({
    queryKey: ['timeline', from, to],
    queryFn: ({ signal }) =>
      call('timeline', { query: { from: new Date(from).toISOString(), to: new Date(to).toISOString() }, signal }),
    placeholderData: keepPreviousData,
  });
}

export interface AuditFilter {
  readonly actor?: string;
  readonly action?: string;
  readonly subject?: string;
  readonly from?: string;
  readonly until?: string;
}

/** One look at the newest entries that fit. */
export function useAudit(filter: AuditFilter, limit: number): UseQueryResult<Answer<'audit'>> {
  return useQuery({
    queryKey: ['audit', filter, limit],
    queryFn: ({ signal }) => call('audit', { query: { ...filter, limit }, signal }),
    placeholderData: keepPreviousData,
  });
}
