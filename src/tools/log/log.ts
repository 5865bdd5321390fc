import type { Position, StoredEvent } from '../../events/store/event-store.ts';

/** A log that can be read from one end to the other: an event store, or a file, which numbers its events from 1. */
export interface ReadableLog {
  /** For people. */
  readonly name: string;
  readonly logId: string;
  /** The position of the last event; 0 when there is none. */
  head(): Promise<Position>;
  /** All events in global order. */
  pages(): AsyncIterable<readonly StoredEvent[]>;
}

/** A log that events can be brought into, while nobody else writes to it. */
export interface WritableLog extends ReadableLog {
  /** Adds events with the revisions they have, in just this order. It may be cut off between any two of them. */
  write(events: readonly StoredEvent[]): Promise<void>;
}
