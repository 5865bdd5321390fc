import type pg from 'pg';
import type { RecordedEvent } from '../events/recorded-event.ts';

/** A connection inside the transaction of one batch, with the projection's schema first in its search path. */
export type ProjectionClient = Pick<pg.ClientBase, 'query'>;

/**
 * A read model: tables, and what becomes of them as events happen. It writes rows and does nothing else, so that replaying it tells
 * nobody anything.
 */
export interface Projection {
  name: string;
  /** Another shape or another meaning is another version: it stands beside the one before, in a schema of its own. */
  version: number;
  /** SQL that makes its tables, run once in the schema of the version. */
  tables: string;
  /** The columns, by table, that hold positions of the log: they are others when the log moves to another store. */
  positions?: Readonly<Record<string, readonly string[]>>;
  /**
   * Applies the next events of the global order, in the transaction that moves the checkpoint. Throws what it cannot handle.
   * Applying an event again changes nothing, however the batches are cut.
   */
  apply(events: readonly RecordedEvent[], client: ProjectionClient): Promise<void>;
}

/** The PostgreSQL schema of one making of a version. */
export function schemaOf({ name, version, generation }: { name: string; version: number; generation: number }): string {
  return `${name}_v${version}_g${generation}`;
}

/** Inserts rows, as JSON in one parameter: one statement for any number of them. */
export async function writeRows<Row extends object>(
  client: ProjectionClient,
  table: string,
  columns: readonly (keyof Row & string)[],
  rows: readonly Row[],
  onConflict: string,
): Promise<void> {
  if (rows.length === 0) return;
  const names = columns.join(', ');
  await client.query({
    name: `write ${table}`,
    text: `insert into ${table} (${names}) select ${names} from json_populate_recordset(null::${table}, $1) ${onConflict}`,
    values: [JSON.stringify(rows)],
  });
}

/** Updates rows that are there by their `id`, in these columns alone: one statement for any number of them. */
export async function updateRows<Row extends { id: string }>(
  client: ProjectionClient,
  table: string,
  columns: readonly (keyof Row & string)[],
  rows: readonly Row[],
): Promise<void> {
  if (rows.length === 0) return;
  const set = columns.filter((column) => column !== 'id').map((column) => `${column} = r.${column}`);
  const given = rows.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])));
  await client.query({
    name: `update ${table}: ${columns.length}`,
    text: `update ${table} t set ${set.join(', ')} from json_populate_recordset(null::${table}, $1) r where t.id = r.id`,
    values: [JSON.stringify(given)],
  });
}

/** The clause that makes an insert an upsert of every column but the key. */
export function elseUpdate(key: readonly string[], columns: readonly string[]): string {
  const others = columns.filter((column) => !key.includes(column));
  return `on conflict (${key.join(', ')}) do update set ${others.map((column) => `${column} = excluded.${column}`).join(', ')}`;
}
