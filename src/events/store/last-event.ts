import type { EventStore, Position, StoredEvent } from './event-store.ts';

/** What a checkpoint remembers of the last event before it, so that the event is known again. */
export interface LastEvent {
  stream: string;
  revision: number;
  id: string;
  /** A position, in decimal digits. */
  position: string;
}

export function lastEvent({ stream, revision, id, position }: StoredEvent): LastEvent {
  return { stream, revision, id, position: position.toString() };
}

/** How far somebody has come in a log. */
export interface Checkpointed {
  /** The log that the position is of. */
  logId: string;
  position: Position;
  /** Null before the first event. */
  lastEvent: LastEvent | null;
}

/**
 * Why somebody cannot go on in this log; null when they can. The last event that they were given must still be where it was: the
 * position alone tells little, for a restored log soon has other events at the same ones. @throws StoreUnavailable
 */
export function misplacement(checkpoint: Checkpointed, store: EventStore): Promise<string | null> {
  return misplacementIn(checkpoint, store.logId, store);
}

/** The same of a log that may not be the one that was opened. @param currentId undefined when it has none, for it was emptied */
export async function misplacementIn(
  { logId, position, lastEvent }: Checkpointed,
  currentId: string | undefined,
  store: Pick<EventStore, 'end' | 'readStream'>,
): Promise<string | null> {
  if (currentId === undefined) return `was made from the log ${logId}, and this log was emptied`;
  if (logId !== currentId) return `was made from the log ${logId}, and this is the log ${currentId}`;
  if (position > (await store.end())) return `is at position ${position}, beyond the end of the log`;
  if (lastEvent === null) return null;
  const { stream, revision, id } = lastEvent;
  const [found] = await store.readStream(stream, { from: revision, limit: 1 });
  if (found === undefined) return `has events that the log has not (${stream}, revision ${revision})`;
  if (found.id !== id) return `has other events than the log (${stream}, revision ${revision})`;
  if (found.position.toString() !== lastEvent.position) return `has the positions of another event store (${stream}, revision ${revision})`;
  return null;
}
