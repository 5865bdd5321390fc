import type pg from 'pg';
import { BEGINNING, type EventStore, type Position } from '../../events/store/event-store.ts';

/** Where a subscriber is to go on: behind everything there is, before the first event, or behind a position of this log. */
export type ResumeAfter = 'head' | 'beginning' | Position;

/**
 * Has a subscriber go on in this log as it stands, wherever it was: what is between is not for it, or is for it again. Whoever handles
 * events for it just now is fenced off, and begins anew. What is put aside for it stays.
 * @returns the position; null when there is no such subscriber @throws Error for a position beyond the end, StoreUnavailable
 */
export async function resumeAfter(pool: pg.Pool, store: EventStore, name: string, after: ResumeAfter): Promise<Position | null> {
  const head = await store.head();
  const position = after === 'head' ? head : after === 'beginning' ? BEGINNING : after;
  if (position > head && position > (await store.end())) throw new Error(`the log ends at position ${head}`);
  const { rowCount } = await pool.query(
    `update subscribers.checkpoints
     set position = $2, log_id = $3, last_event = null, attempted = null, attempts = 0, epoch = epoch + 1, moved_at = now()
     where name = $1`,
    [name, position.toString(), store.logId],
  );
  return rowCount === 1 ? position : null;
}
