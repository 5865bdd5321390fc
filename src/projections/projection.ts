import type { RecordedEvent } from '../events/recorded-event.ts';
import { slices } from '../platform/slices.ts';
import type { ProjectionClient } from './projection-client.ts';

/** So many rows become JSON in a millisecond or two. */
const IN_ONE_STATEMENT = 250;

/**
 * A read model: tables, and what becomes of them as events happen. It writes rows and does nothing else, so that replaying it tells
 * nobody anything.
 */
export interface Projection {
  name: string;
  /** Another shape or another meaning is another version: it stands beside the one before, in a schema of its own. */
  version: number;
  /** Milliseconds that it lets events gather for at most while the process is busy: the less, the sooner its rows tell of them. */
  gathersFor: number;
  /** SQL that makes its tables, with the indexes that applying events needs, run once in the schema of the version. */
  tables: string;
  /** SQL that makes the indexes that only readers need: run when a generation has come to the end of the log, before anybody reads it. */
  indexes?: string;
  /** The columns, by table, that hold positions of the log: they are others when the log moves to another store. */
  positions?: Readonly<Record<string, readonly string[]>>;
  /**
   * Applies the next events of the global order, in the transaction that moves the checkpoint. Throws what it cannot handle.
   * Applying an event again changes nothing, however the batches are cut.
   * @param isComplete false before `complete`: rows that it will make are left out until then
   */
  apply(events: readonly RecordedEvent[], client: ProjectionClient, isComplete?: boolean): Promise<void>;
  /** Makes the rows that follow from others, once, when a generation has come to the end of the log. */
  complete?(client: ProjectionClient): Promise<void>;
}

/** The PostgreSQL schema of one making of a version. */
export function schemaOf({ name, version, generation }: { name: string; version: number; generation: number }): string {
  return `${name}_v${version}_g${generation}`;
}

/** Inserts rows, as JSON in one parameter: one statement for many of them. */
export async function writeRows<Row extends object>(
  client: ProjectionClient,
  table: string,
  columns: readonly (keyof Row & string)[],
  rows: readonly Row[],
  onConflict: string,
): Promise<void> {
  const names = columns.join(', ');
  for await (const some of slices(rows, IN_ONE_STATEMENT)) {
    await client.write({
      name: `${onConflict === '' ? 'add to' : 'write'} ${table}`,
      text: `insert into ${table} (${names}) select ${names} from json_populate_recordset(null::${table}, $1) ${onConflict}`,
      values: [JSON.stringify(some)],
    });
  }
}

/** Updates rows that are there by their `id`, in these columns alone: one statement for many of them. */
export async function updateRows<Row extends { id: string }>(
  client: ProjectionClient,
  table: string,
  columns: readonly (keyof Row & string)[],
  rows: readonly Row[],
): Promise<void> {
  const set = columns.filter((column) => column !== 'id').map((column) => `${column} = r.${column}`);
  for await (const some of slices(rows, IN_ONE_STATEMENT)) {
    const given = some.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])));
    await client.write({
      name: `update ${table}: ${columns.length}`,
      text: `update ${table} t set ${set.join(', ')} from json_populate_recordset(null::${table}, $1) r where t.id = r.id`,
      values: [JSON.stringify(given)],
    });
  }
}

/** The clause that makes an insert an upsert of every column but the key. */
export function elseUpdate(key: readonly string[], columns: readonly string[]): string {
  const others = columns.filter((column) => !key.includes(column));
  return `on conflict (${key.join(', ')}) do update set ${others.map((column) => `${column} = excluded.${column}`).join(', ')}`;
}
