import pg from 'pg';
import type { EventStore, StoredEvent } from '../events/store/event-store.ts';
import type { LastEvent } from '../events/store/last-event.ts';
import { inTransaction } from '../platform/postgres/transaction.ts';
import type { GenerationState } from './generation.ts';
import { type Projection, schemaOf } from './projection.ts';

/** Where each event of a log was before the log moved to another store, and where it is now. */
export interface MovedLog {
  add(before: StoredEvent, now: StoredEvent): Promise<void>;
  /**
   * Lets every read model go on in the other store: checkpoints, and positions in rows, become those of the same events there. All or
   * nothing; what was translated before is left as it is.
   * @param others does the same for what is not a read model, in the same transaction, where the table `moved (before, now)` is
   */
  translate(projections: readonly Projection[], others: (client: pg.ClientBase) => Promise<void>): Promise<Translated[]>;
  close(): Promise<void>;
}

export interface Translated {
  /** Of its tables. */
  schema: string;
  /** `left`: this release does not know it, or it is of another log; when it is started, it must be made anew. */
  outcome: 'translated' | 'as it was' | 'left';
}

interface Row {
  name: string;
  version: number;
  generation: number;
  state: GenerationState;
  lastEvent: LastEvent | null;
}

const BATCH = 10_000;

/** @param before the store that the log comes from; @param now the one that it has moved to */
export async function openMovedLog(connectionString: string, before: EventStore, now: EventStore): Promise<MovedLog> {
  const client = new pg.Client({ connectionString, application_name: 'tasktrail moved log' });
  client.on('error', () => {});
  await client.connect();
  await client.query('create temp table moved (before bigint primary key, now bigint not null)');
  let befores: string[] = [];
  let nows: string[] = [];

  const write = async () => {
    await client.query('insert into moved (before, now) select * from unnest($1::bigint[], $2::bigint[])', [befores, nows]);
    befores = [];
    nows = [];
  };

  const translateOne = async (row: Row, projection: Projection | undefined): Promise<Translated['outcome']> => {
    if (row.lastEvent === null) return 'as it was';
    const { stream, revision, id, position } = row.lastEvent;
    const [was] = await before.readStream(stream, { from: revision, limit: 1 });
    const [is] = await now.readStream(stream, { from: revision, limit: 1 });
    if (is?.id === id && is.position.toString() === position) return 'as it was';
    if (projection === undefined || is?.id !== id || was?.id !== id || was.position.toString() !== position) return 'left';
    for (const [table, columns] of Object.entries(projection.positions ?? {}))
      for (const column of columns) await translateColumn(client, `${schemaOf(row)}.${table}`, column);
    await client.query(
      `update projections.generations
       set position = $4::text::bigint, last_event = jsonb_set(last_event, '{position}', to_jsonb($4::text)), epoch = epoch + 1
       where name = $1 and version = $2 and generation = $3`,
      [row.name, row.version, row.generation, is.position.toString()],
    );
    return 'translated';
  };

  return {
    async add(was, is) {
      befores.push(was.position.toString());
      nows.push(is.position.toString());
      if (befores.length === BATCH) await write();
    },
    async translate(projections, others) {
      await write();
      await client.query('analyze moved');
      return inTransaction(client, async () => {
        const { rows } = await client.query<Row>(
          'select name, version, generation, state, last_event as "lastEvent" from projections.generations order by 1, 2, 3 for update',
        );
        const translated: Translated[] = [];
        for (const row of rows) {
          const projection = projections.find(({ name, version }) => name === row.name && version === row.version);
          translated.push({ schema: schemaOf(row), outcome: await translateOne(row, projection) });
        }
        await others(client);
        return translated;
      });
    },
    close: () => client.end(),
  };
}

/** By way of numbers below zero, for the positions of both stores overlap, and a unique column may not hold one twice at any moment. */
async function translateColumn(client: pg.Client, table: string, column: string): Promise<void> {
  await client.query(`update ${table} set ${column} = -moved.now from moved where ${column} = moved.before`);
  const { rows } = await client.query<{ position: string }>(`select ${column} as position from ${table} where ${column} > 0 limit 1`);
  if (rows[0]) throw new Error(`${table} has a row of position ${rows[0].position}, where the log has no event`);
  await client.query(`update ${table} set ${column} = -${column} where ${column} < 0`);
}
