import type pg from 'pg';
import type { Position } from '../events/store/event-store.ts';
import { type Projection, type ProjectionClient, schemaOf } from './projection.ts';

export const projectionMigrations = [
  {
    name: '0001 generations',
    sql: `
create schema projections;
create table projections.generations (
  name text not null,
  version integer not null,
  -- Counted from 1: a rebuild makes another one beside those that are there.
  generation integer not null,
  -- building: not read yet; live: the one that is read; retired: kept for a while, in case it is to be taken back.
  state text not null check (state in ('building', 'live', 'retired')),
  -- Nobody writes it until it goes on.
  paused boolean not null default false,
  -- Everything in the log up to here is in the rows.
  position bigint not null default 0,
  -- Counts the writers: a late write of a former one finds another epoch and changes nothing.
  epoch bigint not null default 0,
  -- The log that the position is of.
  log_id uuid not null,
  made_at timestamptz not null default now(),
  moved_at timestamptz not null default now(),
  state_since timestamptz not null default now(),
  primary key (name, version, generation)
);
create unique index generations_live on projections.generations (name, version) where state = 'live';
create unique index generations_building on projections.generations (name, version) where state = 'building';
`,
  },
];

export type GenerationState = 'building' | 'live' | 'retired';

/** One making of a version of a read model: tables in a schema of their own, and how far they are. */
export interface Generation {
  name: string;
  version: number;
  generation: number;
  state: GenerationState;
  paused: boolean;
  position: Position;
  logId: string;
  madeAt: Date;
}

/** Another writer has taken over, or the generation is gone: what this writer was about to write must not be. */
export class Fenced extends Error {
  override name = 'Fenced';
}

/** A rebuild is under way already. */
export class RebuildRunning extends Error {
  override name = 'RebuildRunning';
}

/** Milliseconds for which a generation that was replaced is kept, written, and can be taken back. */
export const KEPT_FOR = 60_000;

/** Makes the first generation of a projection's version if there is none. Several instances may do so at once. */
export async function prepareProjection(pool: pg.Pool, projection: Projection, logId: string): Promise<void> {
  await locked(pool, projection, async (client, generations) => {
    if (!generations.some(({ state }) => state === 'live')) await make(client, projection, nextAfter(generations), 'live', logId);
  });
}

/** Begins a new generation beside the live one. @throws RebuildRunning */
export async function beginRebuild(pool: pg.Pool, projection: Projection, logId: string): Promise<Generation> {
  return locked(pool, projection, async (client, generations) => {
    if (generations.some(({ state }) => state === 'building')) throw new RebuildRunning(`${projection.name} is being rebuilt already`);
    const generation = nextAfter(generations);
    await make(client, projection, generation, 'building', logId);
    return (await select(client, projection)).find((made) => made.generation === generation)!;
  });
}

/**
 * Lets queries read this generation, and retires the one they have read.
 * @returns false while that one is ahead of it: what has been read must not be unread
 */
export async function promote(pool: pg.Pool, projection: Projection, generation: number): Promise<boolean> {
  return locked(pool, projection, async (client) => {
    // The rows stay locked until the switch is made, so that neither of their writers moves on meanwhile.
    await client.query('select from projections.generations where name = $1 and version = $2 for update', [
      projection.name,
      projection.version,
    ]);
    const generations = await select(client, projection);
    const next = generations.find((candidate) => candidate.generation === generation);
    const live = generations.find(({ state }) => state === 'live');
    if (next === undefined || next.position < (live?.position ?? 0n)) return false;
    if (next === live) return true;
    await setState(client, projection, `state = 'live'`, 'retired');
    await setState(client, projection, `generation = ${generation}`, 'live');
    return true;
  });
}

/** The generation that was live before the present one, to be promoted again; null when it is gone. */
export async function formerGeneration(pool: pg.Pool, projection: Projection): Promise<Generation | null> {
  const retired = (await generationsOf(pool, projection)).filter(({ state }) => state === 'retired');
  return retired.at(-1) ?? null;
}

/** Stops the writing of the generation that is being built, or lets it go on. @returns false when none is */
export async function pauseRebuild(pool: pg.Pool, projection: Projection, paused: boolean): Promise<boolean> {
  const { rowCount } = await pool.query(
    `update projections.generations set paused = $3 where name = $1 and version = $2 and state = 'building'`,
    [projection.name, projection.version, paused],
  );
  return rowCount === 1;
}

/** Drops what was retired longer ago than it is kept for. */
export async function dropRetired(pool: pg.Pool, projection: Projection, keptFor = KEPT_FOR): Promise<void> {
  const { rows } = await pool.query(
    `select from projections.generations where name = $1 and version = $2 and state = 'retired' and state_since < now() - $3 * interval '1 millisecond'`,
    [projection.name, projection.version, keptFor],
  );
  if (rows.length === 0) return;
  await locked(pool, projection, async (client) => {
    const { rows: dropped } = await client.query<{ generation: number }>(
      `delete from projections.generations where name = $1 and version = $2 and state = 'retired'
         and state_since < now() - $3 * interval '1 millisecond' returning generation`,
      [projection.name, projection.version, keptFor],
    );
    for (const { generation } of dropped) await client.query(`drop schema if exists ${schemaOf({ ...projection, generation })} cascade`);
  });
}

/** All generations of a projection's version, oldest first. */
export function generationsOf(pool: pg.Pool, projection: Projection): Promise<Generation[]> {
  return select(pool, projection);
}

export interface Checkpoint {
  generation: number;
  position: Position;
  epoch: bigint;
}

/** Begins a new epoch: whoever wrote before is fenced off. @throws Fenced when the generation is gone or paused */
export async function takeOver(client: ProjectionClient, { name, version }: Projection, generation: number): Promise<Checkpoint> {
  const { rows } = await client.query<{ position: string; epoch: string }>(
    `update projections.generations set epoch = epoch + 1 where name = $1 and version = $2 and generation = $3 and not paused
     returning position, epoch`,
    [name, version, generation],
  );
  if (rows[0] === undefined) throw new Fenced(`Generation ${generation} of ${name} is not there to be written`);
  return { generation, position: BigInt(rows[0].position), epoch: BigInt(rows[0].epoch) };
}

/** Moves the checkpoint, inside the transaction that writes the rows. @throws Fenced when it is not where this writer left it */
export async function advance(client: ProjectionClient, { name, version }: Projection, from: Checkpoint, to: Position): Promise<void> {
  const { rowCount } = await client.query({
    name: 'advance checkpoint',
    text: `update projections.generations set position = $6, moved_at = now()
           where name = $1 and version = $2 and generation = $3 and position = $4 and epoch = $5 and not paused`,
    values: [name, version, from.generation, from.position.toString(), from.epoch.toString(), to.toString()],
  });
  if (rowCount !== 1) throw new Fenced(`Another instance has taken over the projection ${name}`);
}

async function select(client: ProjectionClient | pg.Pool, { name, version }: Projection): Promise<Generation[]> {
  const { rows } = await client.query({
    name: 'read generations',
    text: `select name, version, generation, state, paused, position, log_id as "logId", made_at as "madeAt"
           from projections.generations where name = $1 and version = $2 order by generation`,
    values: [name, version],
  });
  return rows.map((row) => ({ ...row, position: BigInt(row.position) }));
}

async function make(
  client: ProjectionClient,
  projection: Projection,
  generation: number,
  state: GenerationState,
  logId: string,
): Promise<void> {
  const { name, version, tables } = projection;
  const schema = schemaOf({ name, version, generation });
  await client.query(`create schema ${schema}; set local search_path = ${schema}; ${tables}`);
  await client.query('insert into projections.generations (name, version, generation, state, log_id) values ($1, $2, $3, $4, $5)', [
    name,
    version,
    generation,
    state,
    logId,
  ]);
}

async function setState(client: ProjectionClient, { name, version }: Projection, which: string, state: GenerationState): Promise<void> {
  await client.query(`update projections.generations set state = $3, state_since = now() where name = $1 and version = $2 and ${which}`, [
    name,
    version,
    state,
  ]);
}

/** One at a time for each projection's version, whichever instance. */
async function locked<T>(
  pool: pg.Pool,
  projection: Projection,
  work: (client: ProjectionClient, generations: Generation[]) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query(`select pg_advisory_xact_lock(hashtextextended($1, 0))`, [
      `generations of ${projection.name} ${projection.version}`,
    ]);
    const result = await work(client, await select(client, projection));
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

function nextAfter(generations: readonly Generation[]): number {
  return (generations.at(-1)?.generation ?? 0) + 1;
}
