import type pg from 'pg';
import type { Position } from '../events/store/event-store.ts';
import type { LastEvent } from '../events/store/last-event.ts';
import { MAX_FORMER_GENERATIONS } from '../platform/postgres/connection-budget.ts';
import { inTransaction } from '../platform/postgres/transaction.ts';
import { type Projection, schemaOf } from './projection.ts';

type Client = Pick<pg.ClientBase, 'query'>;

export type GenerationState = 'building' | 'live' | 'retired';

/** One making of a version of a read model: tables in a schema of their own, and how far they are. */
export interface Generation {
  name: string;
  version: number;
  generation: number;
  state: GenerationState;
  paused: boolean;
  position: Position;
  /** Null while no event is in the rows. */
  lastEvent: LastEvent | null;
  /** Whether it has what only readers need. */
  complete: boolean;
  logId: string;
  madeAt: Date;
}

/** A rebuild is under way already. */
export class RebuildRunning extends Error {
  override name = 'RebuildRunning';
}

/** As many former generations are kept as may be: each is written, on connections of its own, for as long as it is kept. */
export class TooManyFormer extends Error {
  override name = 'TooManyFormer';
  readonly limit = MAX_FORMER_GENERATIONS;
}

/** Milliseconds for which a generation that was replaced is kept, written, and can be taken back. */
export const KEPT_FOR = 60_000;

/**
 * Makes the first generation of a projection's version if there is none. Several instances may do so at once.
 * @param state `building` where there are events that it is to have before it is read
 */
export async function prepareProjection(
  pool: pg.Pool,
  projection: Projection,
  logId: string,
  state: 'live' | 'building' = 'live',
): Promise<void> {
  await locked(pool, projection, async (client, generations) => {
    if (generations.every((known) => known.state === 'retired')) await make(client, projection, nextAfter(generations), state, logId);
  });
}

/** Begins a new generation beside the live one. @throws RebuildRunning, TooManyFormer */
export async function beginRebuild(pool: pg.Pool, projection: Projection, logId: string): Promise<Generation> {
  return locked(pool, projection, async (client, generations) => {
    if (generations.some(({ state }) => state === 'building')) throw new RebuildRunning(`${projection.name} is being rebuilt already`);
    const former = generations.filter(({ state }) => state === 'retired').length;
    if (former >= MAX_FORMER_GENERATIONS)
      throw new TooManyFormer(`${former} former generations of ${projection.name} are still kept; try again in a minute`);
    const generation = nextAfter(generations);
    await make(client, projection, generation, 'building', logId);
    return (await select(client, projection)).find((made) => made.generation === generation)!;
  });
}

/**
 * Lets queries read this generation, and retires the one they have read.
 * @returns false while it is not complete, or that one is ahead of it: what has been read must not be unread
 */
export function promote(pool: pg.Pool, projection: Projection, generation: number): Promise<boolean> {
  return replaceLive(pool, projection, generation, (next, live) => live === undefined || next.position >= live.position);
}

/** Lets queries read this generation, however far it is, and drops the one they have read, which is not of this log. */
export async function replaceMisplaced(pool: pg.Pool, projection: Projection, generation: number): Promise<boolean> {
  const misplaced = (await generationsOf(pool, projection)).find(({ state }) => state === 'live');
  const replaced = await replaceLive(pool, projection, generation, () => true);
  if (replaced && misplaced && misplaced.generation !== generation) await dropGeneration(pool, projection, misplaced.generation);
  return replaced;
}

async function replaceLive(
  pool: pg.Pool,
  projection: Projection,
  generation: number,
  mayReplace: (next: Generation, live: Generation | undefined) => boolean,
): Promise<boolean> {
  return locked(pool, projection, async (client) => {
    // The rows stay locked until the switch is made, so that neither of their writers moves on meanwhile.
    await client.query('select from projections.generations where name = $1 and version = $2 for update', [
      projection.name,
      projection.version,
    ]);
    const generations = await select(client, projection);
    const next = generations.find((candidate) => candidate.generation === generation);
    const live = generations.find(({ state }) => state === 'live');
    if (next === undefined || !next.complete || !mayReplace(next, live)) return false;
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

/** Has the generation that was live before the present one kept for another while. @returns its number; null when it is gone */
export async function keepFormer(pool: pg.Pool, { name, version }: Projection): Promise<number | null> {
  const { rows } = await pool.query<{ generation: number }>(
    `update projections.generations set state_since = now() where name = $1 and version = $2 and generation = (
       select max(generation) from projections.generations where name = $1 and version = $2 and state = 'retired'
     ) returning generation`,
    [name, version],
  );
  return rows[0]?.generation ?? null;
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

/** Forgets a generation that nobody is to read, whatever its state. */
export async function dropGeneration(pool: pg.Pool, projection: Projection, generation: number): Promise<void> {
  await locked(pool, projection, async (client) => {
    await client.query('delete from projections.generations where name = $1 and version = $2 and generation = $3', [
      projection.name,
      projection.version,
      generation,
    ]);
    await client.query(`drop schema if exists ${schemaOf({ ...projection, generation })} cascade`);
  });
}

/** All generations of a projection's version, oldest first. */
export function generationsOf(pool: pg.Pool, projection: Projection): Promise<Generation[]> {
  return select(pool, projection);
}

async function select(client: Client | pg.Pool, { name, version }: Projection): Promise<Generation[]> {
  const { rows } = await client.query({
    name: 'read generations',
    text: `select name, version, generation, state, paused, position, last_event as "lastEvent", complete, log_id as "logId", made_at as "madeAt"
           from projections.generations where name = $1 and version = $2 order by generation`,
    values: [name, version],
  });
  return rows.map((row) => ({ ...row, position: BigInt(row.position) }));
}

async function make(client: Client, projection: Projection, generation: number, state: GenerationState, logId: string): Promise<void> {
  const { name, version, tables, indexes = '' } = projection;
  // One that is read at once is empty: indexes cost nothing yet.
  const isComplete = state === 'live';
  const schema = schemaOf({ name, version, generation });
  await client.query(`create schema ${schema}; set local search_path = ${schema}; ${tables}${isComplete ? indexes : ''}`);
  await client.query(
    'insert into projections.generations (name, version, generation, state, log_id, complete) values ($1, $2, $3, $4, $5, $6)',
    [name, version, generation, state, logId, isComplete],
  );
}

async function setState(client: Client, { name, version }: Projection, which: string, state: GenerationState): Promise<void> {
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
  work: (client: Client, generations: Generation[]) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  try {
    return await inTransaction(client, async () => {
      await client.query(`select pg_advisory_xact_lock(hashtextextended($1, 0))`, [
        `generations of ${projection.name} ${projection.version}`,
      ]);
      return work(client, await select(client, projection));
    });
  } finally {
    client.release();
  }
}

function nextAfter(generations: readonly Generation[]): number {
  return (generations.at(-1)?.generation ?? 0) + 1;
}
