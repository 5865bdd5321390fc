import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { asOwnerOf } from '../../platform/postgres/owner-role.ts';
import { createKeyWrap, type KeyWrap, type MasterKeys } from './master-key.ts';

/** What became of values that were sealed by one master key or another. */
export interface Rewrapped {
  /** Sealed by the new key now. */
  wrapped: number;
  /** Opened by neither key, and left as they are. */
  unreadable: number;
}

export interface RewrapOptions {
  /** Rows of a statement, after each of which it may be cut off. */
  batchSize: number;
  signal: AbortSignal;
  onBatch?(rows: number): void;
}

/** Values in a table whose rows say which master key sealed them. */
export interface SealedTable {
  table: string;
  /** Of the primary key. */
  idType: 'uuid' | 'bigint';
  column: string;
  /** What the values are sealed for. */
  purpose: string;
  /** An SQL expression: the context in which a row is sealed. */
  context: string;
}

export const dataKeysTable: SealedTable = {
  table: 'event_log.data_keys',
  idType: 'uuid',
  column: 'wrapped',
  purpose: 'data keys',
  context: `id || ' ' || subject`,
};

interface SealedRow {
  id: string;
  sealed: Buffer;
  context: string;
}

/**
 * Seals a table's values by the master key, batch by batch, each in one statement. Rows that say that this key sealed them are passed over,
 * so that it goes on where it was cut off. A value that changes meanwhile, as one that is destroyed, is left as it then is.
 */
export async function rewrapTable(pool: pg.Pool, keys: MasterKeys, sealed: SealedTable, options: RewrapOptions): Promise<Rewrapped> {
  const wrap = createKeyWrap(keys, sealed.purpose);
  const total: Rewrapped = { wrapped: 0, unreadable: 0 };
  for (let after: string | null = null; ; ) {
    options.signal.throwIfAborted();
    const rows = await nextRows(pool, sealed, wrap.id, after, options.batchSize);
    const done = rows.flatMap((row) => resealed(wrap, row));
    if (done.length > 0) await writeBatch(pool, sealed, wrap.id, done);
    total.wrapped += done.length;
    total.unreadable += rows.length - done.length;
    options.onBatch?.(rows.length);
    if (rows.length < options.batchSize) return total;
    after = rows.at(-1)!.id;
  }
}

/** The values that there is one of: what proves the master key, and how many records there are. The first goes last of all. */
export async function rewrapInstallation(pool: pg.Pool, keys: MasterKeys): Promise<void> {
  const counts = createKeyWrap(keys, 'record counts');
  const check = createKeyWrap(keys, 'check value');
  await asOwnerOf(pool, 'event_log', async (client) => {
    const { rows } = await client.query<{ counts: Buffer }>('select counts from event_log.records for update');
    for (const row of rows) {
      const opened = counts.open(row.counts, 'records of the installation');
      await client.query('update event_log.records set counts = $1', [counts.seal(opened, 'records of the installation')]);
    }
    await client.query('update event_log.installation set check_value = $1, wrapped_by = $2', [
      check.seal(randomBytes(32), 'check value of the installation'),
      check.id,
    ]);
  });
}

async function nextRows(pool: pg.Pool, { table, idType, column, context }: SealedTable, by: string, after: string | null, limit: number) {
  const { rows } = await pool.query<SealedRow>(
    `select id::text as id, ${column} as sealed, ${context} as context from ${table}
     where ($1::${idType} is null or id > $1::${idType}) and ${column} <> '' and wrapped_by is distinct from $2 order by ${table}.id limit $3`,
    [after, by, limit],
  );
  return rows;
}

function resealed(wrap: KeyWrap, { id, sealed, context }: SealedRow): { id: string; before: Buffer; now: Buffer }[] {
  if (wrap.isCurrent(sealed, context)) return [{ id, before: sealed, now: sealed }];
  try {
    return [{ id, before: sealed, now: wrap.seal(wrap.open(sealed, context), context) }];
  } catch {
    return [];
  }
}

async function writeBatch(
  pool: pg.Pool,
  { table, idType, column }: SealedTable,
  by: string,
  rows: readonly { id: string; before: Buffer; now: Buffer }[],
): Promise<void> {
  await asOwnerOf(pool, table.split('.')[0]!, (client) =>
    client.query(
      `update ${table} as kept set ${column} = sealed.now, wrapped_by = $1
         from unnest($2::${idType}[], $3::bytea[], $4::bytea[]) as sealed (id, before, now)
        where kept.id = sealed.id and kept.${column} = sealed.before`,
      [by, rows.map(({ id }) => id), rows.map(({ before }) => before), rows.map(({ now }) => now)],
    ),
  );
}
