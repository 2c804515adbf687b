import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import type { Snapshot, TableShape } from '#core/store/snapshot.ts';
import { Problem } from './problem.ts';

// A backup is gzip'ed lines of JSON, the same for every database:
//   {"berth_backup":1,"schema":"0001-...","created_at":"2026-...","database":"sqlite","key_ids":["..."]}
//   {"table":"users","columns":["id","username",...]}
//   ["9e0e...","admin",...]                             one line per row: texts, numbers, nulls, {"base64":"..."} for bytes
//   {"end":{"rows":{"users":1,...},"sha256":"..."}}     of all bytes before this line

const FORMAT = 1;
/** How much is gathered before it is handed on. */
const CHUNK = 65_536;
/** No row of Berth comes near this: a longer line is no backup. */
const LONGEST_LINE = 64 * 1024 * 1024;

export interface BackupHeader {
  /** Name of the migration that the tables look like. */
  readonly schema: string;
  readonly createdAt: Date;
  readonly database: string;
  /** The keys that credentials in it are sealed with. */
  readonly keyIds: readonly string[];
}

export interface BackupRow {
  readonly table: TableShape;
  readonly values: readonly unknown[];
}

/** Rows by table. */
export type RowCounts = Record<string, number>;

/** The bytes of a backup before they are compressed. `counted` is called with what is in it after the last row. */
export async function* backupBytes(
  snapshot: Snapshot,
  header: Omit<BackupHeader, 'schema' | 'keyIds'>,
  counted: (rows: RowCounts) => void,
): AsyncGenerator<Buffer> {
  const digest = createHash('sha256');
  const rows: RowCounts = {};
  let gathered: string[] = [];
  let length = 0;
  const add = (line: unknown): void => {
    const text = `${JSON.stringify(line)}\n`;
    gathered.push(text);
    length += text.length;
  };
  const taken = (): Buffer => {
    const bytes = Buffer.from(gathered.join(''));
    gathered = [];
    length = 0;
    digest.update(bytes);
    return bytes;
  };

  add({
    berth_backup: FORMAT,
    schema: snapshot.schema,
    created_at: header.createdAt.toISOString(),
    database: header.database,
    key_ids: snapshot.keyIds,
  });
  for (const table of snapshot.tables) {
    add({ table: table.name, columns: table.columns });
    rows[table.name] = 0;
    for await (const values of snapshot.rows(table)) {
      add(values.map(toJson));
      rows[table.name] = (rows[table.name] ?? 0) + 1;
      if (length > CHUNK) yield taken();
    }
  }
  yield taken();
  counted(rows);
  yield Buffer.from(`${JSON.stringify({ end: { rows, sha256: digest.digest('hex') } })}\n`);
}

/**
 * Reads a backup: the header, then each row. Ends without an error only if the file is whole and its checksum is right.
 * @throws Problem that says what is wrong with it.
 */
export async function* readBackup(file: string): AsyncGenerator<BackupHeader | BackupRow> {
  const digest = createHash('sha256');
  let header: BackupHeader | undefined;
  let table: TableShape | undefined;
  let ended = false;
  for await (const line of linesOf(file)) {
    if (ended) throw damaged('something follows its end');
    const content = parsed(line);
    if (!header) {
      header = headerOf(content);
      yield header;
    } else if (Array.isArray(content)) {
      if (!table || content.length !== table.columns.length) throw damaged('a row does not fit its table');
      yield { table, values: content.map(fromJson) };
    } else if ('end' in content) {
      const { sha256 } = content['end'] as { sha256?: unknown };
      if (sha256 !== digest.digest('hex')) throw damaged('its checksum is wrong');
      ended = true;
      continue;
    } else {
      table = tableOf(content);
    }
    digest.update(line).update('\n');
  }
  if (!ended) throw damaged('it is cut off');
}

export function isHeader(part: BackupHeader | BackupRow): part is BackupHeader {
  return 'schema' in part;
}

async function* linesOf(file: string): AsyncGenerator<Buffer> {
  const source = createReadStream(file);
  const gunzip = createGunzip();
  source.on('error', (error) => gunzip.destroy(error));
  let rest: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of source.pipe(gunzip) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
        yield Buffer.concat([...rest, chunk.subarray(from, end)]);
        rest = [];
        length = 0;
        from = end + 1;
      }
      rest.push(chunk.subarray(from));
      length += chunk.length - from;
      if (length > LONGEST_LINE) throw damaged('a line of it is too long');
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') throw damaged('it is cut off');
    if (code?.startsWith('Z_')) throw damaged(message);
    if (code === 'ENOENT') throw new Problem(`there is no file ${file}`);
    if (code === 'EACCES' || code === 'EISDIR') throw new Problem(`${file} cannot be read (${code})`);
    throw error;
  } finally {
    source.destroy();
    gunzip.destroy();
  }
  if (length > 0) throw damaged('it is cut off');
}

function parsed(line: Buffer): Record<string, unknown> | unknown[] {
  try {
    const content: unknown = JSON.parse(line.toString('utf8'));
    if (typeof content === 'object' && content !== null) return content as Record<string, unknown> | unknown[];
  } catch {
    // Said below.
  }
  throw damaged('a line of it is no JSON');
}

function headerOf(content: Record<string, unknown> | unknown[]): BackupHeader {
  const { berth_backup, schema, created_at, database, key_ids } = content as Record<string, unknown>;
  if (berth_backup === undefined) throw damaged('it is no backup of Berth');
  if (berth_backup !== FORMAT) {
    throw new Problem(
      `the backup has format ${JSON.stringify(berth_backup)}, and this version of Berth reads format ${FORMAT}; use the version that made it`,
    );
  }
  const createdAt = new Date(String(created_at));
  if (typeof schema !== 'string' || !isTexts(key_ids) || Number.isNaN(createdAt.getTime())) {
    throw damaged('its first line lacks something');
  }
  return { schema, createdAt, database: String(database), keyIds: key_ids };
}

function tableOf({ table, columns }: Record<string, unknown>): TableShape {
  if (typeof table !== 'string' || !isTexts(columns)) throw damaged('a line of it is neither table nor row');
  return { name: table, columns };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function toJson(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return { base64: value.toString('base64') };
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  throw new Error(`a value of type ${typeof value} has no place in a backup`);
}

function fromJson(value: unknown): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  const { base64 } = value as { base64?: unknown };
  if (typeof base64 !== 'string') throw damaged('a row has a value of an unknown kind');
  return Buffer.from(base64, 'base64');
}

function damaged(how: string): Problem {
  return new Problem(`the backup is damaged (${how}), and nothing was changed; use another copy of it`);
}
