import type { Append, Position, StoredEvent } from '../event-store.ts';
import type { Page } from './read-log.ts';

const MOST_BYTES = 2 ** 23;

/** The events that this process wrote last, as they stand in the log: followers of the log need not ask the database for them. */
export interface RecentEvents {
  /** A batch was written, every append of it in order, right behind this position. */
  wrote(head: Position, appends: readonly Append[]): void;
  /** The events right after a position; undefined when they are not all known here. */
  page(after: Position, limit: number, bytes: number): Page | undefined;
  /** Another process may have written something. */
  forget(): void;
}

/**
 * What the database answers a batch with says what stands before it; so batches that follow each other without a gap are known to be
 * all there is between them. Whatever breaks the row, a write of another process or a batch that was not taken as it came, begins anew.
 */
export function createRecentEvents(mostBytes = MOST_BYTES): RecentEvents {
  let events: StoredEvent[] = [];
  /** The position before the first of them. */
  let before: Position = 0n;
  let size = 0;

  const forget = () => {
    events = [];
    size = 0;
  };

  const dropOldest = () => {
    let dropped = 0;
    while (size > mostBytes / 2) size -= sizeOf(events[dropped++]!);
    before = events[dropped - 1]!.position;
    events = events.slice(dropped);
  };

  return {
    forget,
    wrote(head, appends) {
      if (events.length === 0 || events.at(-1)!.position !== head) {
        forget();
        before = head;
      }
      let position = head;
      for (const { stream, expectedRevision, events: appended } of appends) {
        let revision = expectedRevision === 'no_stream' ? 0 : expectedRevision + 1;
        for (const { id, type, metadata, data } of appended) {
          const event = { stream, revision: revision++, position: ++position, id, type, metadata, data };
          events.push(event);
          size += sizeOf(event);
        }
      }
      if (size > mostBytes) dropOldest();
    },
    page(after, limit, bytes) {
      if (events.length === 0 || after < before || after >= events.at(-1)!.position) return undefined;
      const first = Number(after - before);
      const taken: StoredEvent[] = [];
      for (let at = first, taking = 0; at < events.length && taken.length < limit && taking < bytes; at++) {
        taken.push(events[at]!);
        taking += sizeOf(events[at]!);
      }
      return { events: taken, last: first + taken.length === events.length };
    },
  };
}

function sizeOf({ metadata, data }: StoredEvent): number {
  return metadata.length + data.length;
}
