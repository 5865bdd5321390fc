import type { RecordedEvent } from '../events/recorded-event.ts';
import type { FeedRow } from '../queries/feed/read-feed.ts';
import { accessLost, type CloudEvent, cloudEvent } from './cloud-event.ts';

/** The event as the reader may see it now: what the feed's row says of their access decides. */
export function eventSeen(row: FeedRow, readerId: string, event: RecordedEvent, logId: string): CloudEvent {
  if (row.lost) return accessLost(event, logId);
  const task = row.task_id === null ? null : { title: row.title, status: row.status! };
  return cloudEvent(event, { logId, task, reader: { id: readerId, seesAllShares: row.sees_all_shares } });
}
