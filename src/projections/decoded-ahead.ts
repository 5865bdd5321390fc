import { decodeEvents } from '../events/codec.ts';
import type { KeyVault } from '../events/keys/key-vault.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import type { EventStore, Position, StoredEvent, SubscriptionBatch } from '../events/store/event-store.ts';
import { slices } from '../platform/slices.ts';

/** What is read ahead, and then written at once, about at most: many events of one task are one row; more of them only fill the memory. */
const MOST_EVENTS = 5_000;
const MOST_BYTES = 2 ** 23;
/** So many are decoded in a millisecond or two. */
const IN_ONE_TURN = 50;

export interface DecodedBatch {
  batch: SubscriptionBatch;
  /** Rejects with what keeps them from being decoded. */
  events: Promise<readonly RecordedEvent[]>;
}

/**
 * The batches of a subscription, in groups. While the log has more to give, batches are read and decoded here, and gather, while the
 * database writes the rows of those before; at its end nothing is asked for ahead, so that what comes meanwhile comes together.
 */
export async function* decodedAhead(
  { store, vault }: { store: EventStore; vault: KeyVault },
  after: Position,
  signal: AbortSignal,
): AsyncGenerator<readonly DecodedBatch[]> {
  const batches = store.subscribe({ after, signal })[Symbol.asyncIterator]();
  const gathered: DecodedBatch[] = [];
  let end: { error?: unknown } | undefined;
  let reading: Promise<void> | undefined;
  const readOne = async () => {
    try {
      const { value: batch, done } = await batches.next();
      if (done) {
        end = {};
        return;
      }
      const events = decodeInTurns(batch.events, vault);
      // Whoever applies them hears of it.
      await events.catch(() => {});
      gathered.push({ batch, events });
    } catch (error) {
      end = { error };
    } finally {
      reading = undefined;
    }
  };
  const read = () => (reading ??= readOne());
  const readAhead = async (isWanted: () => boolean) => {
    do await read();
    while (!end && !isWanted() && hasMore(gathered) && hasRoom(gathered));
  };
  try {
    for (;;) {
      while (gathered.length === 0 && !end) await read();
      const group = gathered.splice(0);
      if (group.length === 0) {
        if (end?.error) throw end.error;
        return;
      }
      let wanted = false;
      if (hasMore(group)) void readAhead(() => wanted);
      yield group;
      wanted = true;
    }
  } finally {
    await batches.return?.();
  }
}

function hasMore(group: readonly DecodedBatch[]): boolean {
  return group.at(-1)?.batch.caughtUp !== true;
}

function hasRoom(group: readonly DecodedBatch[]): boolean {
  let [events, bytes] = [0, 0];
  for (const { batch } of group) {
    events += batch.events.length;
    for (const { metadata, data } of batch.events) bytes += metadata.length + data.length;
  }
  return events < MOST_EVENTS && bytes < MOST_BYTES;
}

async function decodeInTurns(stored: readonly StoredEvent[], vault: KeyVault): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const some of slices(stored, IN_ONE_TURN)) events.push(...(await decodeEvents(some, vault)));
  return events;
}
