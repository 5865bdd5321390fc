import type { Position, StoredEvent } from '../events/store/event-store.ts';
import { lastEvent } from '../events/store/last-event.ts';
import type { Projection, ProjectionClient } from './projection.ts';

/** Another writer has taken over, or the generation is gone: what this writer was about to write must not be. */
export class Fenced extends Error {
  override name = 'Fenced';
}

/**
 * A generation that was replaced would be ahead of the one that took its place: whoever still reads it would see what, a moment later,
 * is not there yet. It is to wait.
 */
export class AheadOfLive extends Error {
  override name = 'AheadOfLive';
}

export interface Checkpoint {
  generation: number;
  position: Position;
  epoch: bigint;
  /** Whether it has what only its readers need: see `Projection.indexes` and `complete`. */
  isComplete: boolean;
}

/** Begins a new epoch: whoever wrote before is fenced off. @throws Fenced when the generation is gone or paused */
export async function takeOver(client: ProjectionClient, { name, version }: Projection, generation: number): Promise<Checkpoint> {
  const { rows } = await client.query<{ position: string; epoch: string; complete: boolean }>(
    `update projections.generations set epoch = epoch + 1 where name = $1 and version = $2 and generation = $3 and not paused
     returning position, epoch, complete`,
    [name, version, generation],
  );
  if (rows[0] === undefined) throw new Fenced(`Generation ${generation} of ${name} is not there to be written`);
  return { generation, position: BigInt(rows[0].position), epoch: BigInt(rows[0].epoch), isComplete: rows[0].complete };
}

/**
 * Moves the checkpoint, inside the transaction that writes the rows.
 * @param last the last of the events that were written; undefined when there were none
 * @throws Fenced when it is not where this writer left it, AheadOfLive for a retired generation that would come before the live one
 */
export async function advance(
  client: ProjectionClient,
  { name, version }: Projection,
  from: Checkpoint,
  to: Position,
  last: StoredEvent | undefined,
): Promise<void> {
  const { rowCount } = await client.query({
    name: 'advance checkpoint',
    text: `update projections.generations set position = $6, last_event = coalesce($7, last_event), moved_at = now()
           where name = $1 and version = $2 and generation = $3 and position = $4 and epoch = $5 and not paused
             and (state <> 'retired' or $6 <= (select l.position from projections.generations l
                                               where l.name = $1 and l.version = $2 and l.state = 'live'))`,
    values: [name, version, from.generation, from.position.toString(), from.epoch.toString(), to.toString(), last && lastEvent(last)],
  });
  if (rowCount === 1) return;
  const { rows } = await client.query(
    `select from projections.generations
     where name = $1 and version = $2 and generation = $3 and position = $4 and epoch = $5 and not paused and state = 'retired'`,
    [name, version, from.generation, from.position.toString(), from.epoch.toString()],
  );
  if (rows.length === 1) throw new AheadOfLive(`Generation ${from.generation} of ${name} waits for the one that took its place`);
  throw new Fenced(`Another instance has taken over the projection ${name}`);
}

/** Says that a generation is complete, inside the transaction that makes it so. @throws Fenced when it is not where this writer left it */
export async function markComplete(client: ProjectionClient, { name, version }: Projection, at: Checkpoint): Promise<void> {
  const { rowCount } = await client.query(
    `update projections.generations set complete = true
     where name = $1 and version = $2 and generation = $3 and position = $4 and epoch = $5 and not paused`,
    [name, version, at.generation, at.position.toString(), at.epoch.toString()],
  );
  if (rowCount !== 1) throw new Fenced(`Another instance has taken over the projection ${name}`);
}
