import type { EventStore, StoredEvent } from './event-store.ts';

/** The event at a revision of a stream; undefined where none of this service stands there. @throws StoreUnavailable */
export async function eventAt(store: Pick<EventStore, 'readStream'>, stream: string, revision: number): Promise<StoredEvent | undefined> {
  const [event] = await store.readStream(stream, { from: revision, limit: 1 });
  return event?.revision === revision ? event : undefined;
}
