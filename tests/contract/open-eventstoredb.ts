import type { EventStore } from '../../src/events/store/event-store.ts';
import { createEventStoreDb, type EventStoreDbLimits } from '../../src/events/store/eventstoredb/eventstoredb-event-store.ts';

export interface Place {
  url: string;
  namespace: string;
}

/** An instance of the EventStoreDB store; the argument is a Place, as JSON. */
export function openStore(argument: string): Promise<EventStore> {
  return openPlace(JSON.parse(argument) as Place);
}

export function openPlace(place: Place, limits: Partial<EventStoreDbLimits> = {}): Promise<EventStore> {
  return createEventStoreDb({ ...place, saveKeys: async () => {}, log: () => {}, limits });
}
