import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { EventStore } from '../../src/events/store/event-store.ts';
import { startEventStored } from '../support/eventstored.ts';
import type { Harness, ServerHarness } from './harness.ts';
import { openPlace, type Place } from './open-eventstoredb.ts';

/** On the server at EVENTSTORE_URL, in a namespace of its own there; or on one that it starts. */
export async function eventStoreDbHarness(): Promise<Harness> {
  const stores: EventStore[] = [];
  const given = process.env.EVENTSTORE_URL;
  const server = given ? undefined : await startEventStored();
  const place: Place = { url: given ?? server!.url(), namespace: `contract-${randomUUID()}:` };
  return {
    async open() {
      const store = await openPlace(place);
      stores.push(store);
      return store;
    },
    opener: { module: join(import.meta.dirname, 'open-eventstoredb.ts'), argument: JSON.stringify(place) },
    startServer,
    async close() {
      for (const store of stores) await store.close();
      await server?.stop();
    },
  };
}

async function startServer(): Promise<ServerHarness> {
  const server = await startEventStored();
  const stores: EventStore[] = [];
  let restarting = Promise.resolve();
  return {
    address: { host: '127.0.0.1', port: server.port },
    async open(via) {
      const store = await openPlace({ url: server.url(via?.port), namespace: 'contract:' }, { answerWithin: 1_000, patience: 1_500 });
      stores.push(store);
      return store;
    },
    // It is one process; a part of it cannot be killed.
    async kill() {
      restarting = restarting.then(() => server.restart());
    },
    async close() {
      await Promise.all(stores.map((store) => store.close()));
      await restarting;
      await server.stop();
    },
  };
}
