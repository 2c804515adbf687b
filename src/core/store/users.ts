import type { Kysely } from 'kysely';
import type { Role } from '#core/domain/actor.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { Dialect } from './dialect.ts';
import { DuplicateKey } from './failures.ts';
import type { Schema, UserRow } from './schema.ts';

export interface User {
  readonly id: string;
  readonly username: string;
  readonly passwordHash: string;
  readonly role: Role;
  readonly disabled: boolean;
  /** Raised by whatever must end the tokens that were given out before. */
  readonly tokenVersion: number;
  readonly createdAt: Date;
  /** For programs: it has API tokens and no password, so `passwordHash` is empty. */
  readonly service: boolean;
}

export type Users = ReturnType<typeof usersTable>;

export function usersTable(db: Kysely<Schema>, dialect: Dialect) {
  const raise = (id: string) =>
    db
      .updateTable('users')
      .set((eb) => ({ version: eb('version', '+', 1) }))
      .where('id', '=', id);
  return {
    async byName(username: string): Promise<User | undefined> {
      const row = await db.selectFrom('users').selectAll().where('username', '=', username).executeTakeFirst();
      // MariaDB compares without the spaces at the end.
      return row?.username === username ? fromRow(row) : undefined;
    },
    async byId(id: string): Promise<User | undefined> {
      const row = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
      return row && fromRow(row);
    },
    /**
     * Within a transaction: a user who may sign in stays so until it ends, and it meets every other that calls this for the
     * same user. False when there is no such user.
     */
    async keepActive(id: string): Promise<boolean> {
      const result = await raise(id).where('disabled', '=', 0).executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
    /** The same, for whoever it is. */
    async touch(id: string): Promise<void> {
      await raise(id).execute();
    },
    /** Reads the user and keeps others from changing it until the transaction ends. */
    async lockById(id: string): Promise<User | undefined> {
      const query = db.selectFrom('users').selectAll().where('id', '=', id);
      const row = await (dialect === 'mariadb' ? query.forUpdate() : query).executeTakeFirst();
      return row && fromRow(row);
    },
    /** Within a transaction: of two that do this to the same user, or change the user, one waits or runs again. */
    async raiseVersion(id: string): Promise<void> {
      await db
        .updateTable('users')
        .set((eb) => ({ version: eb('version', '+', 1) }))
        .where('id', '=', id)
        .execute();
    },
    async list(): Promise<User[]> {
      return (await db.selectFrom('users').selectAll().orderBy('username').execute()).map(fromRow);
    },
    async count(): Promise<number> {
      const row = await db.selectFrom('users').select(db.fn.countAll().as('n')).executeTakeFirstOrThrow();
      return Number(row.n);
    },
    /** Some admins who may sign in, by name. */
    async someActiveAdmins(limit: number): Promise<string[]> {
      const rows = await db
        .selectFrom('users')
        .select('username')
        .where('role', '=', 'admin')
        .where('disabled', '=', 0)
        .where('service', '=', 0)
        .orderBy('username')
        .limit(limit)
        .execute();
      return rows.map((row) => row.username);
    },
    /**
     * Admins who can sign in, so service accounts are none. Within a transaction: the admins that were counted cannot change
     * until it ends.
     */
    async countActiveAdmins(): Promise<number> {
      const result = await db
        .updateTable('users')
        .set((eb) => ({ version: eb('version', '+', 1) }))
        .where('role', '=', 'admin')
        .where('disabled', '=', 0)
        .where('service', '=', 0)
        .executeTakeFirst();
      return Number(result.numUpdatedRows);
    },
    /** @throws Refusal `conflict` when the name is taken. */
    async insert(user: User): Promise<void> {
      try {
        await db
          .insertInto('users')
          .values({ id: user.id, created_at: user.createdAt.getTime(), ...toRow(user) } as UserRow)
          .execute();
      } catch (error) {
        if (error instanceof DuplicateKey) throw new Refusal('conflict', `username: "${user.username}" is taken`);
        throw error;
      }
    },
    async update(id: string, changes: Partial<Omit<User, 'id' | 'createdAt'>>): Promise<void> {
      await db.updateTable('users').set(toRow(changes)).where('id', '=', id).execute();
    },
    async remove(id: string): Promise<void> {
      await db.deleteFrom('users').where('id', '=', id).execute();
    },
  };
}

function fromRow(row: UserRow): User {
  return {
    id: row.id,
    username: row.username,
    passwordHash: row.password_hash,
    role: row.role,
    disabled: row.disabled === 1,
    tokenVersion: row.token_version,
    createdAt: new Date(row.created_at),
    service: row.service === 1,
  };
}

function toRow(user: Partial<User>): Partial<UserRow> {
  return {
    ...(user.username !== undefined && { username: user.username }),
    ...(user.passwordHash !== undefined && { password_hash: user.passwordHash }),
    ...(user.role !== undefined && { role: user.role }),
    ...(user.disabled !== undefined && { disabled: user.disabled ? 1 : 0 }),
    ...(user.tokenVersion !== undefined && { token_version: user.tokenVersion }),
    ...(user.service !== undefined && { service: user.service ? 1 : 0 }),
  };
}
