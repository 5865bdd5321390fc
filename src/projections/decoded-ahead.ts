import { decodeEvents } from '../events/codec.ts';
import type { KeyVault } from '../events/keys/key-vault.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import type { EventStore, Position, SubscriptionBatch } from '../events/store/event-store.ts';

export interface DecodedBatch {
  batch: SubscriptionBatch;
  /** Rejects with what keeps them from being decoded. */
  events: Promise<readonly RecordedEvent[]>;
}

/**
 * The batches of a subscription. While the log has more to give, the next batch is read and decoded here while the database writes the
 * rows of the present one; at its end nothing is asked for ahead, so that what comes meanwhile comes together.
 */
export async function* decodedAhead(
  { store, vault }: { store: EventStore; vault: KeyVault },
  after: Position,
  signal: AbortSignal,
): AsyncGenerator<DecodedBatch> {
  const batches = store.subscribe({ after, signal })[Symbol.asyncIterator]();
  const next = async (): Promise<DecodedBatch | null> => {
    const { value: batch, done } = await batches.next();
    if (done) return null;
    const events = decodeEvents(batch.events, vault);
    // Whoever applies them hears of it.
    events.catch(() => {});
    return { batch, events };
  };
  let ahead: Promise<DecodedBatch | null> | undefined;
  try {
    for (;;) {
      const decoded = await (ahead ?? next());
      if (decoded === null) return;
      ahead = decoded.batch.caughtUp ? undefined : next();
      ahead?.catch(() => {});
      yield decoded;
    }
  } finally {
    await batches.return?.();
  }
}
