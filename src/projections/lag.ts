import { setTimeout as delay } from 'node:timers/promises';
import type { EventMetadata } from '../events/metadata.ts';
import { BEGINNING, type EventStore, type Position, type StoredEvent } from '../events/store/event-store.ts';

/** How far a reader is behind the log. */
export interface Lag {
  /** Events not yet handled; counted up to `COUNTED` of them. */
  events: number;
  /** Since the oldest of them happened. */
  seconds: number;
}

export const COUNTED = 1000;
/** Less than health waits for a part. */
const ANSWER_TIMEOUT_MS = 1_000;

/** Held against the log's own head: a reader that has died cannot hide it. @throws StoreUnavailable */
export async function lagBehind(store: EventStore, position: Position | undefined): Promise<Lag> {
  const waiting = await store.readAll({ after: position ?? BEGINNING, limit: COUNTED });
  const oldest = waiting.map(timeOf).find((time) => time !== undefined);
  return { events: waiting.length, seconds: oldest === undefined ? 0 : Math.max(0, (Date.now() - oldest) / 1000) };
}

/** The same; null when the log cannot say it in time, so that what is behind it reports the rest of its state. */
export function lagIfKnown(store: EventStore, position: Position | undefined): Promise<Lag | null> {
  return ifKnown(() => lagBehind(store, position));
}

/** What is asked of a store that may be away: null in the place of a failure, and of an answer that comes too late. */
export async function ifKnown<T>(ask: () => Promise<T>): Promise<T | null> {
  const waiting = new AbortController();
  const tooLate = delay(ANSWER_TIMEOUT_MS, null, { signal: waiting.signal }).catch(() => null);
  try {
    return await Promise.race([ask().catch(() => null), tooLate]);
  } finally {
    waiting.abort();
  }
}

/** When an event happened, in milliseconds; undefined for one whose metadata cannot be read, which must not hide how many are waiting. */
function timeOf({ metadata }: StoredEvent): number | undefined {
  try {
    const time = Date.parse((JSON.parse(metadata.toString()) as EventMetadata).occurred_at);
    return Number.isNaN(time) ? undefined : time;
  } catch {
    return undefined;
  }
}
