import type { Position, StoredEvent } from '../events/store/event-store.ts';
import { lastEvent } from '../events/store/last-event.ts';
import type { Projection } from './projection.ts';
import type { ProjectionClient } from './projection-client.ts';

type Client = Pick<ProjectionClient, 'query'>;

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
export async function takeOver(client: Client, { name, version }: Projection, generation: number): Promise<Checkpoint> {
  const { rows } = await client.query<{ position: string; epoch: string; complete: boolean }>(
    `update projections.generations set epoch = epoch + 1 where name = $1 and version = $2 and generation = $3 and not paused
     returning position, epoch, complete`,
    [name, version, generation],
  );
  if (rows[0] === undefined) throw new Fenced(`Generation ${generation} of ${name} is not there to be written`);
  return { generation, position: BigInt(rows[0].position), epoch: BigInt(rows[0].epoch), isComplete: rows[0].complete };
}

/**
 * Moves the checkpoint, last in the transaction that writes the rows. Where it cannot be moved nothing is committed: what the transaction
 * then throws is to be told by `refusalOf`.
 * @param last the last of the events that were written; undefined when there were none
 */
export async function advance(
  client: ProjectionClient,
  { name, version }: Projection,
  from: Checkpoint,
  to: Position,
  last: StoredEvent | undefined,
): Promise<void> {
  const { generation, epoch, position } = from;
  await client.write({
    name: 'advance checkpoint',
    text: 'select projections.advance($1, $2, $3, $4, $5, $6, $7)',
    values: [name, version, generation, epoch.toString(), position.toString(), to.toString(), last && lastEvent(last)],
  });
}

/** Why a checkpoint could not be moved: Fenced or AheadOfLive; undefined for an error that tells of something else. */
export function refusalOf(error: unknown, { name }: Projection, { generation }: Checkpoint): Error | undefined {
  switch ((error as { code?: unknown }).code) {
    case 'TTAHD':
      return new AheadOfLive(`Generation ${generation} of ${name} waits for the one that took its place`);
    case 'TTFEN':
      return new Fenced(`Another instance has taken over the projection ${name}`);
    default:
      return undefined;
  }
}

/** Says that a generation is complete, inside the transaction that makes it so. @throws Fenced when it is not where this writer left it */
export async function markComplete(client: Client, { name, version }: Projection, at: Checkpoint): Promise<void> {
  const { rowCount } = await client.query(
    `update projections.generations set complete = true
     where name = $1 and version = $2 and generation = $3 and position = $4 and epoch = $5 and not paused`,
    [name, version, at.generation, at.position.toString(), at.epoch.toString()],
  );
  if (rowCount !== 1) throw new Fenced(`Another instance has taken over the projection ${name}`);
}
