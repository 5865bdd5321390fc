import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Append,
  type EventStore,
  type Position,
  type StoredEvent,
  StoreOverloaded,
  StoreUnavailable,
} from '../../events/store/event-store.ts';

/** The store has put events into another order than the one they were sent in. It is to be emptied, and the copy to begin anew. */
export class OutOfOrder extends Error {
  override name = 'OutOfOrder';
}

const APPEND_EVENTS = 500;
/** EventStoreDB takes a mebibyte at once, with what it adds to each event. */
const APPEND_BYTES = 2 ** 19;
const PATIENCE_MS = 60_000;
const PAUSE_MS = 500;

/**
 * Appends events to their streams so that they stand in the global order in which they are given. Neighbours of one stream go together,
 * and usually each append waits for the one before it: the port promises an order within a stream only, and a log once out of order
 * cannot be put right. With more than one in flight at a time, their order is left to the server and looked at afterwards.
 *
 * @throws OutOfOrder, WrongExpectedRevision, StoreUnavailable when the store was away for a minute
 */
export async function appendInOrder(store: EventStore, events: readonly StoredEvent[], inFlight = 1): Promise<void> {
  let last: Position | undefined;
  for (const wave of waves(runs(events), inFlight)) {
    for (const position of await Promise.all(wave.map((run) => persistently(store, appendOf(run))))) {
      if (last !== undefined && position <= last)
        throw new OutOfOrder('The store has put events into another order: empty it, and begin again with one append in flight');
      last = position;
    }
  }
}

/** The same append again is a success where the first one was written although nobody heard of it. */
async function persistently(store: EventStore, append: Append): Promise<Position> {
  for (const giveUpAt = performance.now() + PATIENCE_MS; ; await sleep(PAUSE_MS)) {
    try {
      return (await store.append(append)).position;
    } catch (error) {
      const passing = error instanceof StoreUnavailable || error instanceof StoreOverloaded;
      if (!passing || performance.now() > giveUpAt) throw error;
    }
  }
}

function appendOf(run: readonly StoredEvent[]): Append {
  const { stream, revision } = run[0]!;
  return { stream, expectedRevision: revision === 0 ? 'no_stream' : revision - 1, events: run };
}

/** Neighbours with neighbouring revisions of one stream, few and small enough for one append. */
function* runs(events: readonly StoredEvent[]): Generator<StoredEvent[]> {
  let run: StoredEvent[] = [];
  let bytes = 0;
  for (const event of events) {
    const size = event.metadata.length + event.data.length;
    const last = run.at(-1);
    const goesOn = last && last.stream === event.stream && last.revision + 1 === event.revision;
    if (run.length > 0 && (!goesOn || run.length === APPEND_EVENTS || bytes + size > APPEND_BYTES)) {
      yield run;
      run = [];
      bytes = 0;
    }
    run.push(event);
    bytes += size;
  }
  if (run.length > 0) yield run;
}

/**
 * So many at once, each of another stream: a second append to a stream would be held back until the first is done. The very first goes
 * alone, for it opens the connection: of two that find none, the second has been seen to overtake the first.
 */
function* waves(all: Iterable<StoredEvent[]>, size: number): Generator<StoredEvent[][]> {
  let wave: StoredEvent[][] = [];
  let connected = false;
  const streams = new Set<string>();
  for (const run of all) {
    const { stream } = run[0]!;
    if (wave.length === (connected ? size : 1) || streams.has(stream)) {
      yield wave;
      wave = [];
      connected = true;
      streams.clear();
    }
    wave.push(run);
    streams.add(stream);
  }
  if (wave.length > 0) yield wave;
}
