import type { EventStore } from '../../../../src/events/store/event-store.ts';
import { createEventStoreDb, type EventStoreDbOptions } from '../../../../src/events/store/eventstoredb/eventstoredb-event-store.ts';
import { type EventStored, startEventStored } from '../../../support/eventstored.ts';

export interface AnEventStoreDb {
  readonly server: EventStored;
  /** What the stores have logged so far. */
  readonly lines: string[];
  /** A further instance on the same server. */
  open(options?: Partial<EventStoreDbOptions>): Promise<EventStore>;
  /** Closes all that was opened, and stops the server. */
  close(): Promise<void>;
}

/** @param durable whether the server flushes to the disk */
export async function anEventStoreDb({ durable = false } = {}): Promise<AnEventStoreDb> {
  const server = await startEventStored({ durable });
  const stores: EventStore[] = [];
  const lines: string[] = [];
  return {
    server,
    lines,
    async open(options = {}) {
      const store = await createEventStoreDb({
        url: server.url(),
        saveKeys: async () => {},
        log: (line) => lines.push(line),
        ...options,
      });
      stores.push(store);
      return store;
    },
    async close() {
      for (const store of stores) await store.close();
      await server.stop();
    },
  };
}
