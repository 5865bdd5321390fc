import { randomBytes, randomUUID } from 'node:crypto';
import type { Append, EventStore } from '../../src/events/store/event-store.ts';

const metadata = randomBytes(400);
const data = randomBytes(350);

/** A new stream with one event, and the data key that it is sealed with. */
function anAppend(): Append {
  const stream = `task-${randomUUID()}`;
  return {
    stream,
    expectedRevision: 'no_stream',
    events: [{ id: randomUUID(), type: 'TaskCreated', metadata, data }],
    newKeys: [{ id: randomUUID(), subject: stream, wrapped: data.subarray(0, 60) }],
  };
}

/** Keeps so many appends under way for a while. @returns appends a second */
export async function keepAppending(store: Pick<EventStore, 'append'>, inFlight: number, seconds: number): Promise<number> {
  const since = performance.now();
  const end = since + seconds * 1_000;
  let appended = 0;
  const one = async () => {
    for (; performance.now() < end; appended++) await store.append(anAppend());
  };
  await Promise.all(Array.from({ length: inFlight }, one));
  return (appended * 1_000) / (performance.now() - since);
}
