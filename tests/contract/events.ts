import { randomUUID } from 'node:crypto';
import type { Append, EncodedEvent, EventStore, ExpectedRevision, StoredEvent } from '../../src/events/store/event-store.ts';

export const aStream = (prefix = 'contract') => `${prefix}-${randomUUID()}`;

export const anEvent = (data: string | Buffer = 'data'): EncodedEvent => ({
  id: randomUUID(),
  type: 'SomethingHappened',
  metadata: Buffer.from('{"of":"the contract"}'),
  data: Buffer.from(data),
});

export const events = (count: number): EncodedEvent[] => Array.from({ length: count }, (_, index) => anEvent(`event ${index}`));

export const append = (stream: string, expectedRevision: ExpectedRevision, ...added: EncodedEvent[]): Append => ({
  stream,
  expectedRevision,
  events: added,
});

/** A new stream with so many events, at revisions 0 to count - 1. */
export async function aStreamOf(store: EventStore, count: number): Promise<{ stream: string; written: EncodedEvent[] }> {
  const stream = aStream();
  const written = events(count);
  if (count > 0) await store.append(append(stream, 'no_stream', ...written));
  return { stream, written };
}

export const idsOf = (stored: readonly { id: string }[]) => stored.map(({ id }) => id);
export const revisionsOf = (stored: readonly StoredEvent[]) => stored.map(({ revision }) => revision);

/** What an append came to, so that several can be looked at together: 'appended', or the name of the error. */
export async function outcomeOf(appending: Promise<unknown>): Promise<string> {
  return appending.then(
    () => 'appended',
    (error) => (error as Error).name,
  );
}
