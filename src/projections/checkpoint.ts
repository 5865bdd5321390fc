import type pg from 'pg';
import type { Position } from '../events/store/event-store.ts';
import { type Projection, type ProjectionClient, schemaOf } from './projection.ts';

export const projectionMigrations = [
  {
    name: '0001 checkpoints',
    sql: `
create schema projections;
create table projections.checkpoints (
  name text not null,
  version integer not null,
  -- Everything in the log up to here is in the rows.
  position bigint not null,
  -- Counts the writers: a late write of a former one finds another epoch and changes nothing.
  epoch bigint not null,
  -- The log that the position is of.
  log_id uuid not null,
  updated_at timestamptz not null default now(),
  primary key (name, version)
);`,
  },
];

/** Another writer has taken over: what this one was about to write must not be. */
export class Fenced extends Error {
  override name = 'Fenced';
}

/** Makes the schema, the tables and the checkpoint of a projection if they are not there. Several instances may do so at once. */
export async function prepareProjection(pool: pg.Pool, projection: Projection, logId: string): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query(`select pg_advisory_xact_lock(hashtextextended('prepare ' || $1, 0))`, [schemaOf(projection)]);
    const { rowCount } = await client.query('select from projections.checkpoints where name = $1 and version = $2', [
      projection.name,
      projection.version,
    ]);
    if (rowCount === 0) {
      await client.query(`create schema ${schemaOf(projection)}; set local search_path = ${schemaOf(projection)}; ${projection.tables}`);
      await client.query('insert into projections.checkpoints (name, version, position, epoch, log_id) values ($1, $2, 0, 0, $3)', [
        projection.name,
        projection.version,
        logId,
      ]);
    }
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

export interface Checkpoint {
  position: Position;
  epoch: bigint;
}

/** Begins a new epoch: whoever wrote before is fenced off. */
export async function takeOver(client: ProjectionClient, { name, version }: Projection): Promise<Checkpoint> {
  const { rows } = await client.query<{ position: string; epoch: string }>(
    'update projections.checkpoints set epoch = epoch + 1 where name = $1 and version = $2 returning position, epoch',
    [name, version],
  );
  if (rows[0] === undefined) throw new Error(`The projection ${name} has not been prepared`);
  return { position: BigInt(rows[0].position), epoch: BigInt(rows[0].epoch) };
}

/** Moves the checkpoint, inside the transaction that writes the rows. @throws Fenced when it is not where this writer left it */
export async function advance(client: ProjectionClient, { name, version }: Projection, from: Checkpoint, to: Position): Promise<void> {
  const { rowCount } = await client.query({
    name: 'advance checkpoint',
    text: `update projections.checkpoints set position = $5, updated_at = now()
           where name = $1 and version = $2 and position = $3 and epoch = $4`,
    values: [name, version, from.position.toString(), from.epoch.toString(), to.toString()],
  });
  if (rowCount !== 1) throw new Fenced(`Another instance has taken over the projection ${name}`);
}

export async function readPosition(pool: pg.Pool, { name, version }: Pick<Projection, 'name' | 'version'>): Promise<Position | undefined> {
  const { rows } = await pool.query<{ position: string }>({
    name: 'read checkpoint',
    text: 'select position from projections.checkpoints where name = $1 and version = $2',
    values: [name, version],
  });
  return rows[0] && BigInt(rows[0].position);
}
