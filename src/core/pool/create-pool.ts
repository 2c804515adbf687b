import { sharedRead } from '#core/store/shared-read.ts';
import { expireDue } from './expire.ts';
import { extend } from './extend.ts';
import { auditEnd, auditSince } from './follow-audit.ts';
import { createAuditKeeper } from './keep-audit.ts';
import { createLimits } from './limits.ts';
import { listEnded } from './list-ended.ts';
import { machineHistory } from './machine-history.ts';
import type { Pool } from './pool.ts';
import { deleteMachine, getMachine, registerMachine, updateMachine } from './register.ts';
import { endAllOf, release, releaseAll, releaseAllOf } from './release.ts';
import { reserve } from './reserve.ts';
import { checkDueMachines, resumeCleanings, resumePreparations } from './resume.ts';
import { getReservation, listReservations } from './show-reservations.ts';
import { available, stock } from './take-stock.ts';
import { timeline } from './timeline.ts';
import { verifyDueMachines, verifyMachine } from './verify.ts';
import { machineView } from './views.ts';
import type { Workplace } from './workplace.ts';

/** What time does to the pool. Each verb is one round, safe to repeat and to run in several processes at once. */
export interface Upkeep {
  /** Ends reservations whose time is up; answers how many. */
  expireDue(now: Date): Promise<number>;
  resumePreparations(now: Date): Promise<void>;
  resumeCleanings(now: Date): Promise<void>;
  checkDueMachines(now: Date): Promise<void>;
  /** Begins looks at whole machines, a few in each round. */
  verifyDueMachines(now: Date): Promise<void>;
  /** Adds what happened to the chain over the audit log. */
  sealAudit(now: Date): Promise<void>;
  /** Deletes audit rows that are older than the retention. */
  pruneAudit(now: Date): Promise<void>;
  /** Tells readiness checks that a scheduler is at work. */
  beat(now: Date): Promise<void>;
}

export function createPool(place: Workplace): Pool {
  const { store } = place;
  const machines = sharedRead(async () => (await store.tables.machines.listWithHolder()).map(machineView));
  const standings = sharedRead(() => available(store));
  return {
    limits: createLimits(store),
    registerMachine: (actor, machine, now) => registerMachine(place, actor, machine, now),
    updateMachine: (actor, name, changes, now) => updateMachine(place, actor, name, changes, now),
    deleteMachine: (actor, name, now) => deleteMachine(place, actor, name, now),
    verifyMachine: (actor, name, repair) => verifyMachine(place, actor, name, repair),
    listMachines: async () => machines(undefined),
    getMachine: (name) => getMachine(place, name),
    available: async () => standings(undefined),
    reserve: (actor, request, now) => reserve(place, actor, request, now),
    extend: (actor, id, minutes, now) => extend(place, actor, id, minutes, now),
    release: (actor, id, now, machine) => release(place, actor, id, now, machine),
    releaseAll: (actor, now) => releaseAll(place, actor, now),
    endAllOf: (actor, username, now) => endAllOf(place, actor, username, now),
    releaseAllOf: (actor, username, now, waitMs) => releaseAllOf(place, actor, username, now, waitMs),
    listReservations: (filter) => listReservations(place, filter),
    listEnded: (actor, filter) => listEnded(place, actor, filter),
    timeline: (from, to, now) => timeline(place, from, to, now),
    machineHistory: (name, page) => machineHistory(place, name, page),
    getReservation: (actor, id) => getReservation(place, actor, id),
    listAudit: (filter) => store.tables.audit.list(filter),
    auditSince: (point) => auditSince(store, point),
    auditEnd: () => auditEnd(store),
    stock: (now) => stock(store, now),
  };
}

export function createUpkeep(place: Workplace): Upkeep {
  const audit = createAuditKeeper(place);
  return {
    expireDue: (now) => expireDue(place, now),
    resumePreparations: (now) => resumePreparations(place, now),
    resumeCleanings: (now) => resumeCleanings(place, now),
    checkDueMachines: (now) => checkDueMachines(place, now),
    verifyDueMachines: (now) => verifyDueMachines(place, now),
    sealAudit: (now) => audit.seal(now),
    pruneAudit: (now) => audit.prune(now),
    beat: (now) => place.store.tables.heartbeats.beat('scheduler', now),
  };
}
