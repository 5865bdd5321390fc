import { decodeEvents } from '../events/codec.ts';
import type { KeyVault } from '../events/keys/key-vault.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import type { EventStore, Position } from '../events/store/event-store.ts';
import { taskStream } from '../events/task/task-events.ts';
import { userStream } from '../events/user/user-events.ts';
import type { FairReads, Requester } from '../platform/postgres/fair-reads.ts';
import type { FeedQuery, FeedRow } from '../queries/feed/read-feed.ts';
import type { QueriesFor } from '../queries/queries.ts';
import type { CloudEvent } from './cloud-event.ts';
import { eventSeen } from './event-seen.ts';
import { createTurns } from './turns.ts';

/** A piece of somebody's feed. */
export interface FeedPage {
  events: CloudEvent[];
  /** All there is up to here was told: what comes next comes behind it. */
  next: Position;
  /** Whether there is more to be had at once. */
  more: boolean;
}

/** The events that somebody may see now, in global order. */
export interface EventFeed {
  /** In a place of the requester's. @throws StoreUnavailable, DatabaseUnavailable, TooManyReads, QueryTooSlow, RequestAborted */
  page(query: FeedQuery, requester: Requester): Promise<FeedPage>;
}

export interface FeedParts {
  queriesFor: QueriesFor<'readFeed'>;
  reads: Pick<FairReads, 'inPlace'>;
  store: Pick<EventStore, 'readEvents' | 'logId'>;
  vault: KeyVault;
}

/** However many clients come at once, commands find the event store free: readers have their turns. */
const AT_ONCE = 3;
/** PostgreSQL counts in 64 bits, with a sign. */
const HIGHEST = 2n ** 63n - 1n;

export function createEventFeed({ queriesFor, reads, store, vault }: FeedParts): EventFeed {
  const inTurn = createTurns(AT_ONCE);

  /** What events say is read from the log, so that what was erased meanwhile is gone. */
  async function told(rows: readonly FeedRow[], readerId: string): Promise<CloudEvent[]> {
    if (rows.length === 0) return [];
    const recorded = await decodeEvents(await store.readEvents(rows.map(placeOf)), vault);
    const events = new Map(recorded.map((event) => [event.position.toString(), event]));
    return rows.map((row) => render(row, readerId, events.get(row.position), store.logId));
  }

  return {
    async page(query, requester) {
      const { after, reader } = query;
      if (after > HIGHEST) return { events: [], next: after, more: false };
      const { rows, reached, more } = await queriesFor(requester).readFeed(query);
      // A client may have been farther with another instance than the read model is after a crash of the database.
      const end = reached > after ? reached : after;
      const events = await reads.inPlace(requester, () => inTurn(reader.id, () => told(rows, reader.id)));
      return { events, next: more ? BigInt(rows.at(-1)!.position) : end, more };
    },
  };
}

function placeOf({ task_id, user_id, revision, position }: FeedRow) {
  return { stream: task_id === null ? userStream(user_id!) : taskStream(task_id), revision, position: BigInt(position) };
}

function render(row: FeedRow, readerId: string, event: RecordedEvent | undefined, logId: string): CloudEvent {
  if (event === undefined) throw new Error(`The log has no event at position ${row.position}, where the feed has one`);
  return eventSeen(row, readerId, event, logId);
}
