import { Refusal } from '#core/domain/refusal.ts';

/** A row with the same unique value exists. `constraint` names what was violated, as the database words it. */
export class DuplicateKey extends Error {
  readonly constraint: string;
  constructor(constraint: string) {
    super(`duplicate key: ${constraint}`);
    this.name = 'DuplicateKey';
    this.constraint = constraint;
  }
}

/** Two transactions stood in each other's way; the same transaction run again may succeed. */
export class WriteConflict extends Error {
  constructor(cause: unknown) {
    super('write conflict', { cause });
    this.name = 'WriteConflict';
  }
}

const AWAY = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOENT',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'ER_SERVER_SHUTDOWN',
  'ER_CON_COUNT_ERROR',
  'ER_CONNECTION_KILLED',
  'ER_NORMAL_SHUTDOWN',
  'SQLITE_CANTOPEN',
  'SQLITE_IOERR',
  'SQLITE_FULL',
]);

// 1205 lock wait time-out, 1213 deadlock (also Galera's certification failure), 1020 record changed (MariaDB >= 11.6.2).
const CONFLICTS = new Set([1205, 1213, 1020]);

/** A node of a Galera cluster that has just started, or has lost sight of the others. */
const GALERA_NOT_READY = 1047;

/** Gives a driver's error the meaning that the rest of Berth acts on; other errors come back as they are. */
export function meaningOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, errno, sqlMessage } = error as { code?: unknown; errno?: unknown; sqlMessage?: unknown };
  if (errno === 1062) return new DuplicateKey(String(sqlMessage ?? error.message).replace(/^.* for key /, ''));
  if (typeof errno === 'number' && CONFLICTS.has(errno)) return new WriteConflict(error);
  if (errno === GALERA_NOT_READY) return unavailable(error);
  if (typeof code !== 'string') {
    return /connection is in closed state|Pool is closed|closed the connection/i.test(error.message)
      ? unavailable(error)
      : error;
  }
  if (code === 'SQLITE_CONSTRAINT_UNIQUE' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY') {
    return new DuplicateKey(error.message.replace(/^.*failed: /, ''));
  }
  if (code.startsWith('SQLITE_BUSY')) return new WriteConflict(error);
  if (AWAY.has(code) || code.startsWith('SQLITE_IOERR')) return unavailable(error);
  return error;
}

function unavailable(cause: Error): Refusal {
  const refusal = new Refusal(
    'unavailable',
    'the database cannot be reached at the moment; try again in a few seconds',
  );
  refusal.cause = cause;
  return refusal;
}
