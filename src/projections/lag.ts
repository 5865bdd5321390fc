import type { EventMetadata } from '../events/metadata.ts';
import { BEGINNING, type EventStore, type Position } from '../events/store/event-store.ts';

/** How far a reader is behind the log. */
export interface Lag {
  /** Events not yet handled; counted up to `COUNTED` of them. */
  events: number;
  /** Since the oldest of them happened. */
  seconds: number;
}

export const COUNTED = 1000;

/** Held against the log's own head: a reader that has died cannot hide it. @throws StoreUnavailable */
export async function lagBehind(store: EventStore, position: Position | undefined): Promise<Lag> {
  const waiting = await store.readAll({ after: position ?? BEGINNING, limit: COUNTED });
  const [oldest] = waiting;
  if (oldest === undefined) return { events: 0, seconds: 0 };
  const { occurred_at } = JSON.parse(oldest.metadata.toString()) as EventMetadata;
  return { events: waiting.length, seconds: Math.max(0, (Date.now() - Date.parse(occurred_at)) / 1000) };
}
