import type { EventStore } from '../events/store/event-store.ts';
import type { Generation } from './generation.ts';

/**
 * Read models hold what the event log does not: the log was restored from an older backup than they were, or is another one. They would
 * silently miss what is written to it from here on. The message names them and the command that makes them anew.
 */
export class ReadModelsAhead extends Error {
  override name = 'ReadModelsAhead';
  constructor(found: ReadonlyMap<string, string>) {
    const each = [...found].map(([name, reason]) => `${name} ${reason}`).join('; ');
    super(
      `The read models are not of this event log as it stands: ${each}. If the log is the right one (look at EVENTSTORE_URL and ` +
        `DATABASE_URL), stop every instance and make them anew: npm run rebuild -- ${[...found.keys()].join(' ')}`,
    );
  }
}

/**
 * Why a generation cannot go on in this log; null when it can. The last event that it was given must still be where it was: the position
 * alone tells little, for a restored log soon has other events at the same ones. @throws StoreUnavailable
 */
export async function misplacement({ logId, position, lastEvent }: Generation, store: EventStore): Promise<string | null> {
  if (logId !== store.logId) return `was made from the log ${logId}, and this is the log ${store.logId}`;
  if (position > (await store.head())) return `is at position ${position}, beyond the end of the log`;
  if (lastEvent === null) return null;
  const { stream, revision, id } = lastEvent;
  const [found] = await store.readStream(stream, { from: revision, limit: 1 });
  if (found === undefined) return `has events that the log has not (${stream}, revision ${revision})`;
  if (found.id !== id) return `has other events than the log (${stream}, revision ${revision})`;
  if (found.position.toString() !== lastEvent.position) return `has the positions of another event store (${stream}, revision ${revision})`;
  return null;
}
